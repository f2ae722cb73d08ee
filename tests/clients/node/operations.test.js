'use strict';

/** The bucket and object operations with ali-oss, in all its endpoint modes. */

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');

const { MODES, download, makeClient, withBucket } = require('./modes.js');
const { startServer, REGION } = require('./server.js');

const HELLO = Buffer.from('hello world');
const HELLO_ETAG = '"5EB63BBBE01EEED093CB22BB8F5ACDC3"';
const HELLO_CRC64 = '5981764153023615706';

const AWKWARD_KEYS = [
  'folder/in/folder.txt',
  'with space.txt',
  'plus+plus.txt',
  'percent%25and%zz.txt',
  'question?and#hash=1.txt',
  '中文/ключ/clé.txt',
  "star*(parens)!quote'.txt",
];

let server;
before(async () => { server = await startServer(); });
after(async () => { assert.equal(await server?.end(), 0, server?.log()); });

for (const mode of MODES) {
  describe(mode.name, () => {
    it('a bucket and what is said of it', () => withBucket(server, mode, async (client, bucket) => {
      await client.put('hello', HELLO);
      const info = (await client.getBucketInfo(bucket)).bucket;
      assert.deepEqual(
        [info.Name, info.Location, info.StorageClass, info.AccessControlList.Grant],
        [bucket, `oss-${REGION}`, 'Standard', 'public-read'],
      );
      assert.equal((await client.getBucketLocation(bucket)).location, `oss-${REGION}`);
      const { stat } = await client.getBucketStat(bucket);
      assert.deepEqual([stat.ObjectCount, stat.Storage], ['1', String(HELLO.length)]);
      await client.putBucketACL(bucket, 'private');
      assert.equal((await client.getBucketACL(bucket)).acl, 'private');
    }));

    it('an object is put, read and deleted', () => withBucket(server, mode, async (client) => {
      const meta = { author: 'alice', motto: 'two words' };
      const put = await client.put('hello.txt', HELLO, { meta, headers: { 'Cache-Control': 'max-age=60' } });
      assert.equal(put.res.headers.etag, HELLO_ETAG);
      assert.equal(put.res.headers['x-oss-hash-crc64ecma'], HELLO_CRC64);

      const got = await client.get('hello.txt');
      assert.deepEqual(got.content, HELLO);
      assert.equal(got.res.headers['content-type'], 'text/plain');
      const head = await client.head('hello.txt');
      assert.deepEqual([head.status, head.meta], [200, meta]);
      assert.equal(head.res.headers['cache-control'], 'max-age=60');
      assert.equal((await client.getObjectMeta('hello.txt')).res.headers['content-length'], '11');

      const part = await client.get('hello.txt', { headers: { Range: 'bytes=6-10' } });
      assert.deepEqual([part.res.status, part.content.toString()], [206, 'world']);
      const unchanged = await client.get('hello.txt', { headers: { 'If-None-Match': HELLO_ETAG } });
      assert.equal(unchanged.res.status, 304);

      assert.equal((await client.delete('hello.txt')).res.status, 204);
      await assert.rejects(client.get('hello.txt'), { code: 'NoSuchKey', status: 404, ecCode: '0026-00000001' });
      await assert.rejects(client.head('hello.txt'), { code: 'NoSuchKey', status: 404 });
    }));

    it('keys with any characters are kept, listed and deleted', () => withBucket(server, mode, async (client) => {
      for (const key of AWKWARD_KEYS) {
        await client.put(key, Buffer.from(key));
        assert.equal((await client.get(key)).content.toString(), key);
        const url = mode.signs ? client.signatureUrl(key) : undefined;
        if (url) assert.equal((await download(url)).text, key, url);
      }
      const inOrder = [...AWKWARD_KEYS].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(await everyKey(client), inOrder);

      const { deleted } = await client.deleteMulti(AWKWARD_KEYS);
      assert.deepEqual(new Set(deleted.map((entry) => entry.Key)), new Set(AWKWARD_KEYS));
      assert.deepEqual(await everyKey(client), []);
    }));

    it('listings have pages and folders', () => withBucket(server, mode, async (client) => {
      for (const key of ['docs/a', 'docs/b', 'pictures/c', 'readme']) await client.put(key, HELLO);
      const page = await client.list({ 'max-keys': 2, delimiter: '/' });
      assert.deepEqual([page.prefixes, page.objects, page.isTruncated], [['docs/', 'pictures/'], [], true]);
      const rest = await client.list({ 'max-keys': 2, delimiter: '/', marker: page.nextMarker });
      assert.deepEqual([rest.prefixes, rest.isTruncated], [null, false]);
      const [readme] = rest.objects;
      assert.deepEqual(
        [readme.name, readme.size, readme.etag, readme.type, readme.storageClass],
        ['readme', 11, HELLO_ETAG, 'Normal', 'Standard'],
      );
      const docs = await client.listV2({ prefix: 'docs/', 'start-after': 'docs/a' });
      assert.deepEqual(docs.objects.map((object) => object.name), ['docs/b']);
    }));

    it('refusals keep their codes', () => withBucket(server, mode, async (client, bucket) => {
      await client.put('hello', HELLO);
      await assert.rejects(client.deleteBucket(bucket), { code: 'BucketNotEmpty', status: 409 });
      await assert.rejects(
        client.getBucketWebsite(bucket),
        { code: 'NotImplemented', status: 501, message: /GetBucketWebsite/ },
      );
      await assert.rejects(
        client.put('bad', HELLO, { headers: { 'Content-MD5': '1B2M2Y8AsgTpgAmY7PhCfg==' } }),
        { code: 'InvalidDigest', status: 400 },
      );
      const forger = makeClient(server, { ...mode, bucket }, { accessKeySecret: 'not the secret' });
      await assert.rejects(forger.get('hello'), { code: 'SignatureDoesNotMatch', status: 403 });
      const nobody = makeClient(server, { ...mode, bucket }, { accessKeyId: 'nobody' });
      await assert.rejects(nobody.get('hello'), { code: 'InvalidAccessKeyId', status: 403 });
    }));
  });
}

async function everyKey(client) {
  const keys = [];
  let token;
  do {
    const query = { 'max-keys': 3, ...(token ? { 'continuation-token': token } : {}) };
    const page = await client.listV2(query);
    keys.push(...page.objects.map((object) => object.name));
    token = page.isTruncated ? page.nextContinuationToken : undefined;
  } while (token);
  return keys;
}

// With an IP address ali-oss sends ListBuckets to `undefined.oss-cn-hangzhou.aliyuncs.com`.
const SERVICE_MODES = MODES.filter((mode) => mode.host === 'localhost');

for (const mode of SERVICE_MODES) {
  it(`${mode.name}: buckets are listed`, () => withBucket(server, mode, async (client, bucket) => {
    const { buckets, owner } = await client.listBuckets({ prefix: bucket });
    assert.deepEqual(buckets.map(({ name, region }) => [name, region]), [[bucket, `oss-${REGION}`]]);
    assert.ok(owner.id);
  }));
}
