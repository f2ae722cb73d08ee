'use strict';

/** Uploads by HTML forms that ali-oss signs, sent by the fetch of Node.js. */

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');

const { MODES, makeClient, plainUrl } = require('./modes.js');
const { startServer, REGION } = require('./server.js');
const { allow, temporary } = require('./rights.js');

let server;
before(async () => { server = await startServer(); });
after(async () => { assert.equal(await server?.end(), 0, server?.log()); });

function policyOf(...conditions) {
  const expiration = new Date(Date.now() + 60_000).toISOString();
  return { expiration, conditions: [['content-length-range', 0, 1024], ...conditions] };
}

/** The fields that the vendor's own pages send with each signature. */
const SIGNATURES = {
  V1: (client, policy) => client.calculatePostSignature(policy),
  V4: (client, policy) => {
    const now = new Date();
    const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
    return {
      policy: Buffer.from(JSON.stringify(policy)).toString('base64'),
      'x-oss-signature-version': 'OSS4-HMAC-SHA256',
      'x-oss-credential': `${client.options.accessKeyId}/${time.slice(0, 8)}/${REGION}/oss/aliyun_v4_request`,
      'x-oss-date': time,
      'x-oss-signature': client.signPostObjectPolicyV4(policy, now),
    };
  },
};

function post(bucket, fields, content = 'hello world') {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob([content], { type: 'text/plain' }), 'hello.txt');
  return fetch(plainUrl(server, bucket, ''), { method: 'POST', body: form, redirect: 'manual' });
}

for (const [version, sign] of Object.entries(SIGNATURES)) {
  describe(version, () => {
    const mode = MODES.find(({ name }) => name === `localhost, sldEnable, ${version}`);

    it('a form is stored as its fields say', async () => {
      const client = makeClient(server, mode);
      const { bucket } = client.options;
      await client.putBucket(bucket);
      const policy = policyOf({ bucket }, ['starts-with', '$key', 'in/'], { 'x-oss-meta-a': 'ä' });
      const fields = { key: 'in/${filename}', 'x-oss-meta-a': 'ä', ...sign(client, policy) };
      const answer = await post(bucket, fields);
      assert.equal(answer.status, 204, await answer.text());
      const { content, res } = await client.get('in/hello.txt');
      assert.equal(content.toString(), 'hello world');
      assert.equal(res.headers.etag, answer.headers.get('etag'));
      assert.equal(res.headers['content-type'], 'text/plain');
    });

    it('what the policy does not allow is refused', async () => {
      const client = makeClient(server, mode);
      const { bucket } = client.options;
      await client.putBucket(bucket);
      const fields = sign(client, policyOf({ bucket }, ['starts-with', '$key', 'in/']));
      const elsewhere = await post(bucket, { key: 'out/hello', ...fields });
      assert.deepEqual([elsewhere.status, elsewhere.headers.get('x-oss-ec')], [403, '0006-00000227']);
      const long = await post(bucket, { key: 'in/hello', ...fields }, 'x'.repeat(1025));
      assert.deepEqual([long.status, long.headers.get('x-oss-ec')], [400, '0006-00000003']);
      const { objects } = await client.listV2({});
      assert.deepEqual(objects, []);
    });

    it('temporary credentials send forms with their token', async () => {
      const owner = makeClient(server, mode);
      const { bucket } = owner.options;
      await owner.putBucket(bucket);
      const policy = allow(['oss:PutObject'], `${bucket}/in/*`);
      const credentials = await temporary(server, { policy });
      const client = makeClient(server, { ...mode, bucket }, credentials);
      const fields = sign(client, policyOf({ bucket }));
      const token = { 'x-oss-security-token': credentials.stsToken };
      const code = async (answer) => [answer.status, answer.headers.get('x-oss-ec')];
      assert.equal((await post(bucket, { key: 'in/hello', ...fields, ...token })).status, 204);
      const elsewhere = await post(bucket, { key: 'out/hello', ...fields, ...token });
      assert.deepEqual(await code(elsewhere), [403, '0003-00000001']);
      const without = await post(bucket, { key: 'in/other', ...fields });
      assert.deepEqual(await code(without), [403, '0002-00000003']);
      const { objects } = await owner.listV2({});
      assert.deepEqual(objects.map(({ name }) => name), ['in/hello']);
    });
  });
}
