'use strict';

/** Copies, ACLs, symlinks and tags of objects with ali-oss, in all its endpoint modes. */

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');

const { MODES, download, plainUrl, withBucket } = require('./modes.js');
const { startServer } = require('./server.js');

const HELLO = Buffer.from('hello world');
const HELLO_ETAG = '"5EB63BBBE01EEED093CB22BB8F5ACDC3"';
const HELLO_CRC64 = '5981764153023615706';
const KEY = 'folder/cat + dog 中文.txt';

let server;
before(async () => { server = await startServer(); });
after(async () => { assert.equal(await server?.end(), 0, server?.log()); });

for (const mode of MODES) {
  describe(mode.name, () => {
    it('an object is copied', () => withBucket(server, mode, async (client, bucket) => {
      await client.put(KEY, HELLO, { meta: { author: 'alice' } });
      const copied = await client.copy('copy', KEY);
      assert.deepEqual([copied.res.status, copied.data.etag], [200, HELLO_ETAG]);
      assert.equal(copied.res.headers['x-oss-hash-crc64ecma'], HELLO_CRC64);
      assert.deepEqual((await client.get('copy')).content, HELLO);
      assert.deepEqual((await client.head('copy')).meta, { author: 'alice' });

      await client.copy('copy', `/${bucket}/${KEY}`, { meta: { author: 'bob' } });
      assert.deepEqual((await client.head('copy')).meta, { author: 'bob' });
      await client.putMeta(KEY, { author: 'carol' });
      assert.deepEqual((await client.head(KEY)).meta, { author: 'carol' });

      const same = await client.copy('other', KEY, {
        headers: { 'x-oss-copy-source-if-none-match': HELLO_ETAG },
      });
      assert.equal(same.res.status, 304);
      await assert.rejects(client.head('other'), { code: 'NoSuchKey', status: 404 });
      await assert.rejects(client.copy('other', 'absent'), { code: 'NoSuchKey', status: 404 });
    }));

    it('an object has an ACL of its own', () => withBucket(server, mode, async (client, bucket) => {
      await client.put(KEY, HELLO);
      const status = async () => (await download(plainUrl(server, bucket, KEY))).status;
      assert.equal((await client.getACL(KEY)).acl, 'default');
      assert.equal(await status(), 200);
      await client.putACL(KEY, 'private');
      assert.equal((await client.getACL(KEY)).acl, 'private');
      assert.equal(await status(), 403);
      await client.put(KEY, HELLO);
      assert.equal((await client.getACL(KEY)).acl, 'default');
    }));

    it('a symlink is read as its target', () => withBucket(server, mode, async (client) => {
      await client.put(KEY, HELLO);
      await client.putSymlink('link', KEY, { meta: { author: 'linker' } });
      assert.equal((await client.getSymlink('link')).targetName, KEY);
      const got = await client.get('link');
      assert.deepEqual(got.content, HELLO);
      assert.equal(got.res.headers['x-oss-object-type'], 'Symlink');
      assert.deepEqual((await client.head('link')).meta, { author: 'linker' });
      await client.delete(KEY);
      await assert.rejects(client.get('link'), { code: 'SymlinkTargetNotExist', status: 404 });
    }));

    it('tags are put, read and deleted', () => withBucket(server, mode, async (client) => {
      await client.put(KEY, HELLO);
      assert.deepEqual((await client.getObjectTagging(KEY)).tag, {});
      const tags = { a: '1', 'b+-=._:/': 'two words' };
      await client.putObjectTagging(KEY, tags);
      assert.deepEqual((await client.getObjectTagging(KEY)).tag, tags);
      assert.equal((await client.head(KEY)).res.headers['x-oss-tagging-count'], '2');
      assert.equal((await client.deleteObjectTagging(KEY)).status, 204);
      assert.deepEqual((await client.getObjectTagging(KEY)).tag, {});
    }));
  });
}
