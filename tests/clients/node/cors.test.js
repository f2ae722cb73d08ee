'use strict';

/** Cross-origin rules with ali-oss, in all its endpoint modes. */

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');

const { MODES, download, plainUrl, withBucket } = require('./modes.js');
const { startServer } = require('./server.js');

const PAGE = 'https://app.example.com';

let server;
before(async () => { server = await startServer(); });
after(async () => { assert.equal(await server?.end(), 0, server?.log()); });

for (const mode of MODES) {
  describe(mode.name, () => {
    it('rules are put, read and deleted', () => withBucket(server, mode, async (client, bucket) => {
      const none = { code: 'NoSuchCORSConfiguration', status: 404, ecCode: '0034-00000001' };
      await assert.rejects(client.getBucketCORS(bucket), none);
      const rule = {
        allowedOrigin: ['https://*.example.com', 'http://localhost:*'],
        allowedMethod: ['GET', 'HEAD'],
        allowedHeader: '*',
        exposeHeader: 'ETag',
        maxAgeSeconds: '60',
      };
      const everybody = { allowedOrigin: '*', allowedMethod: 'HEAD' };
      await client.putBucketCORS(bucket, [rule, everybody]);
      assert.deepEqual((await client.getBucketCORS(bucket)).rules, [rule, everybody]);

      await client.put('hello', Buffer.from('hello world'));
      const url = plainUrl(server, bucket, 'hello');
      const answer = await download(url, { headers: { Origin: PAGE } });
      assert.equal(answer.headers['access-control-allow-origin'], PAGE);
      assert.equal(answer.headers['access-control-expose-headers'], 'ETag');

      await client.putBucketCORS(bucket, [everybody]);
      assert.deepEqual((await client.getBucketCORS(bucket)).rules, [everybody]);
      await client.deleteBucketCORS(bucket);
      await assert.rejects(client.getBucketCORS(bucket), none);
    }));

    it('rules that break a rule are refused', () => withBucket(server, mode, async (client, bucket) => {
      const put = (rule) => client.putBucketCORS(bucket, [rule]);
      await assert.rejects(
        put({ allowedOrigin: 'https://*.a.*', allowedMethod: 'GET' }),
        { code: 'InvalidArgument', status: 400, ecCode: '0034-00000009' },
      );
      await assert.rejects(
        put({ allowedOrigin: '*', allowedMethod: 'OPTIONS' }),
        { code: 'InvalidArgument', status: 400, ecCode: '0034-00000011' },
      );
    }));
  });
}
