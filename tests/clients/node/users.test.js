'use strict';

/** Users and temporary credentials with ali-oss. */

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');

const { MODES, download, makeClient, withBucket } = require('./modes.js');
const { allow, ask, temporary } = require('./rights.js');
const { startServer } = require('./server.js');

let server;
before(async () => { server = await startServer(); });
after(async () => { assert.equal(await server?.end(), 0, server?.log()); });

const isDenied = (error) => error.status === 403 && error.code === 'AccessDenied';

for (const mode of MODES) {
  describe(mode.name, () => {
    it('a token reads and writes as its policy says', () => withBucket(server, mode, async (owner, bucket) => {
      await owner.putBucketACL(bucket, 'private');
      await owner.put('object', Buffer.from('content'));
      const policy = allow(['oss:GetObject', 'oss:GetBucketReferer'], bucket, `${bucket}/*`);
      const credentials = await temporary(server, { policy });
      const client = makeClient(server, { ...mode, bucket }, credentials);
      assert.equal((await client.get('object')).content.toString(), 'content');
      await assert.rejects(client.put('object', Buffer.from('x')), isDenied);
      assert.equal((await client.getBucketReferer(bucket)).allowEmpty, true);
      await assert.rejects(client.putBucketReferer(bucket, false, []), isDenied);
      const wrong = makeClient(server, { ...mode, bucket }, { ...credentials, stsToken: 'wrong' });
      await assert.rejects(wrong.get('object'), (error) => error.code === 'InvalidSecurityToken');
      if (mode.signs) {
        const url = mode.v4
          ? await client.signatureUrlV4('GET', 60, undefined, 'object')
          : client.signatureUrl('object', { expires: 60 });
        assert.equal((await download(url)).text, 'content');
      }
    }));

    it('a bucket policy opens and shuts', () => withBucket(server, mode, async (owner, bucket) => {
      const name = `user-${bucket}-${mode.v4}`.slice(0, 60);
      await ask(server, 'POST', 'users', { name });
      const key = await ask(server, 'POST', `users/${name}/keys`);
      const client = makeClient(server, { ...mode, bucket }, {
        accessKeyId: key.access_key_id, accessKeySecret: key.access_key_secret,
      });
      await owner.putBucketACL(bucket, 'private');
      await owner.put('object', Buffer.from('content'));
      await assert.rejects(client.get('object'), isDenied);
      const policy = allow(['oss:GetObject'], `${bucket}/*`);
      policy.Statement[0].Principal = [name];
      await owner.putBucketPolicy(bucket, policy);
      assert.deepEqual((await owner.getBucketPolicy(bucket)).policy, policy);
      assert.equal((await client.get('object')).content.toString(), 'content');
      await owner.deleteBucketPolicy(bucket);
      await assert.rejects(client.get('object'), isDenied);
      await ask(server, 'DELETE', `users/${name}`);
    }));
  });
}
