'use strict';

/**
 * Uploads in parts, streams, appends and signed URLs with ali-oss.
 *
 * A transfer is interrupted by SIGKILL of the server in the middle, or by a progress callback that
 * throws, and goes on from its checkpoint: what had arrived is not sent again.
 */

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { Readable, Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { after, before, describe, it } = require('node:test');

const { MODES, download, lookup, makeClient, withBucket } = require('./modes.js');
const { startServer } = require('./server.js');

const PART = 100 * 1024;
const PARTS = 8;
const SIZE = (PARTS - 1) * PART + 77;
const KEY = 'folder/large + file.bin';

/** Bytes of which no two parts are alike. */
function content(seed) {
  const hash = (text) => crypto.createHash('sha256').update(text).digest();
  const blocks = Array.from({ length: Math.ceil(SIZE / 32) }, (_, n) => hash(`${seed} ${n}`));
  return Buffer.concat(blocks).subarray(0, SIZE);
}

function etagOfParts(data) {
  const md5 = (bytes) => crypto.createHash('md5').update(bytes).digest();
  const parts = Array.from({ length: PARTS }, (_, n) => data.subarray(n * PART, (n + 1) * PART));
  const digests = parts.map(md5);
  return `"${md5(Buffer.concat(digests)).toString('hex').toUpperCase()}-${PARTS}"`;
}

/** An agent that remembers which parts were put. */
class Wire extends http.Agent {
  constructor() {
    super({ lookup });
    this.parts = [];
  }

  addRequest(request, options) {
    const found = /[?&]partNumber=(\d+)/.exec(request.path);
    if (request.method === 'PUT' && found) this.parts.push(Number(found[1]));
    super.addRequest(request, options);
  }
}

/** A stream of pieces that tells no length. */
function streamOf(data, { failAt = Infinity } = {}) {
  return Readable.from((function* pieces() {
    for (let at = 0; at < data.length; at += 10_007) {
      if (at >= failAt) throw new Error('the source broke off');
      yield data.subarray(at, at + 10_007);
    }
  }()));
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const modeNamed = (name) => MODES.find((mode) => mode.name === name);
const DIRECT = ['IP address, sldEnable, V1', 'IP address, sldEnable, V4'].map(modeNamed);

describe('interrupted', () => {
  for (const mode of DIRECT) {
    for (const parallel of [1, 3]) {
      const name = `${mode.name}, ${parallel} at once`;
      it(`an upload goes on after its server was killed: ${name}`, async () => {
        const first = await startServer();
        const data = content('killed');
        const client = makeClient(first, mode, { agent: new Wire() });
        const { bucket } = client.options;
        await client.putBucket(bucket);
        let checkpoint;
        let done;
        await assert.rejects(client.multipartUpload(KEY, data, {
          partSize: PART,
          parallel,
          progress: async (_, reached) => {
            checkpoint = reached;
            if (reached.doneParts.length === 4 && !done) {
              done = reached.doneParts.map((part) => part.number);
              await first.kill();
            }
          },
        }));
        const acknowledged = checkpoint.doneParts.map((part) => part.number);
        assert.ok(acknowledged.length >= 4 && acknowledged.length < PARTS);

        const second = await startServer({ folder: first.folder });
        try {
          const wire = new Wire();
          const again = makeClient(second, mode, { agent: wire, bucket });
          const listed = await again.listParts(KEY, checkpoint.uploadId);
          const there = listed.parts.map((part) => Number(part.PartNumber));
          assert.deepEqual(acknowledged.filter((number) => !there.includes(number)), []);
          const result = await again.multipartUpload(KEY, data, { checkpoint, parallel });
          const missing = Array.from({ length: PARTS }, (_, n) => n + 1)
            .filter((number) => !acknowledged.includes(number));
          assert.deepEqual(wire.parts.sort(), missing);
          assert.equal(result.etag, etagOfParts(data));
          assert.deepEqual((await again.get(KEY)).content, data);
        } finally {
          assert.equal(await second.end(), 0, second.log());
        }
      });
    }

    it(`a download goes on after its server was killed: ${mode.name}`, async () => {
      const first = await startServer();
      // More than the connection holds, so that the end is still to come.
      const data = Buffer.concat(Array.from({ length: 40 }, (_, n) => content(n)));
      const client = makeClient(first, mode);
      const { bucket } = client.options;
      await client.putBucket(bucket);
      const { res } = await client.put(KEY, data);
      const chunks = [];
      const { stream } = await client.getStream(KEY);
      await assert.rejects(pipeline(stream, new Writable({
        write(chunk, _, next) {
          chunks.push(chunk);
          if (chunks.length === 3) first.kill().then(() => next(), next);
          else next();
        },
      })));
      const got = Buffer.concat(chunks);
      assert.ok(got.length > 0 && got.length < data.length, `${got.length} bytes`);

      const second = await startServer({ folder: first.folder });
      try {
        const again = makeClient(second, mode, { bucket });
        const rest = await again.getStream(KEY, {
          headers: { Range: `bytes=${got.length}-`, 'If-Match': res.headers.etag },
        });
        assert.equal(rest.res.status, 206);
        const whole = Buffer.concat([got, await collect(rest.stream)]);
        assert.ok(whole.equals(data));
      } finally {
        assert.equal(await second.end(), 0, second.log());
      }
    });
  }
});

let server;
before(async () => { server = await startServer(); });
after(async () => { assert.equal(await server?.end(), 0, server?.log()); });

for (const mode of MODES) {
  describe(mode.name, () => {
    const tested = (test) => () => withBucket(server, mode, test);

    it('an upload goes on after its client gave up', tested(async (client) => {
      const data = content('given up');
      const file = path.join(server.folder, 'file.bin');
      fs.writeFileSync(file, data);
      const wire = new Wire();
      client.agent = wire;
      let checkpoint;
      await assert.rejects(client.multipartUpload(KEY, file, {
        partSize: PART,
        parallel: 1,
        meta: { author: 'alice' },
        progress: async (_, reached) => {
          checkpoint = reached;
          if (reached.doneParts.length === 3) throw new Error('enough');
        },
      }), /enough/);
      assert.deepEqual(wire.parts, [1, 2, 3]);
      // A checkpoint outlives its program as JSON.
      checkpoint = JSON.parse(JSON.stringify(checkpoint));
      const result = await client.multipartUpload(KEY, file, { checkpoint, parallel: 1 });
      assert.deepEqual(wire.parts, [1, 2, 3, 4, 5, 6, 7, 8]);
      assert.equal(result.etag, etagOfParts(data));
      const got = await client.get(KEY);
      assert.deepEqual(got.content, data);
      assert.equal(got.res.headers['x-oss-meta-author'], 'alice');
      assert.equal(got.res.headers['x-oss-object-type'], 'Multipart');
      assert.deepEqual((await client.listUploads({ 'max-uploads': 10 })).uploads ?? [], []);
    }));

    it('an upload that was cancelled and aborted is gone', tested(async (client) => {
      let checkpoint;
      await assert.rejects(client.multipartUpload(KEY, content('cancelled'), {
        partSize: PART,
        parallel: 2,
        progress: async (_, reached) => {
          checkpoint = reached;
          if (reached.doneParts.length === 2) client.cancel();
        },
      }), { name: 'cancel' });
      await client.abortMultipartUpload(KEY, checkpoint.uploadId);
      await assert.rejects(
        client.multipartUpload(KEY, content('cancelled'), { checkpoint }),
        { name: 'abort' },
      );
      await assert.rejects(client.head(KEY), { code: 'NoSuchKey' });
    }));

    it('streams go up in chunks and come down', tested(async (client) => {
      const data = content('streamed');
      await client.putStream(KEY, streamOf(data));
      const { stream, res } = await client.getStream(KEY);
      assert.equal(res.status, 200);
      assert.ok((await collect(stream)).equals(data));
      await client.putStream(KEY, streamOf(data), { contentLength: SIZE });
      assert.ok((await client.get(KEY)).content.equals(data));
      await assert.rejects(client.putStream(KEY, streamOf(content('broken'), { failAt: PART })));
      assert.ok((await client.get(KEY)).content.equals(data), 'half a stream replaced an object');
    }));

    it('appends make one object', tested(async (client) => {
      const first = await client.append(KEY, Buffer.from('hello '), {
        headers: { 'Content-Type': 'text/x-log' }, meta: { of: 'tests' },
      });
      assert.equal(first.nextAppendPosition, '6');
      const second = await client.append(KEY, Buffer.from('world'), {
        position: first.nextAppendPosition,
      });
      assert.equal(second.nextAppendPosition, '11');
      // The vendor's own example of a checksum.
      assert.equal(second.res.headers['x-oss-hash-crc64ecma'], '5981764153023615706');
      await assert.rejects(
        client.append(KEY, Buffer.from('again'), { position: '6' }),
        { code: 'PositionNotEqualToLength', status: 409 },
      );
      const got = await client.get(KEY);
      assert.equal(got.content.toString(), 'hello world');
      assert.equal(got.res.headers['x-oss-object-type'], 'Appendable');
      assert.equal(got.res.headers['x-oss-meta-of'], 'tests');
      const streamed = await client.append(KEY, streamOf(content('appended')), { position: '11' });
      assert.equal(streamed.nextAppendPosition, String(11 + SIZE));
      await client.put('put', Buffer.from('put'));
      await assert.rejects(
        client.append('put', Buffer.from('more'), { position: '3' }),
        { code: 'ObjectNotAppendable', status: 409 },
      );
    }));

    if (mode.signs) {
      it('signed URLs put, and get after an interruption', tested(async (client) => {
        const sign = (method, settings) => (mode.v4
          ? client.signatureUrlV4(method, 300, settings, KEY)
          : client.signatureUrl(KEY, { method, expires: 300, ...settings }));
        const data = content('signed');
        const type = 'application/octet-stream';
        const put = mode.v4
          ? await sign('PUT', { headers: { 'Content-Type': type } })
          : await sign('PUT', { 'Content-Type': type });
        assert.equal(await send(put, data, { 'Content-Type': type }), 200);
        await client.putACL(KEY, 'private');
        const get = await sign('GET', {});
        const { etag, bytes: start } = await startOf(get);
        assert.ok(start.length > 0 && start.length < SIZE);
        const headers = { Range: `bytes=${start.length}-`, 'If-Match': etag };
        const { status, bytes: rest } = await restOf(get, headers);
        assert.equal(status, 206);
        assert.ok(Buffer.concat([start, rest]).equals(data));
        assert.equal((await download(get.replace(/(ignature=)./, '$1-'))).status, 403);
        assert.equal((await download(get.split('?')[0])).status, 403);
      }));
    }
  });
}

/** The beginning of a download, of which the client then loses interest. */
async function startOf(url) {
  const answer = await ask(url, {});
  for await (const chunk of answer) return { etag: answer.headers.etag, bytes: chunk };
  throw new Error('there is nothing');
}

async function restOf(url, headers) {
  const answer = await ask(url, headers);
  return { status: answer.statusCode, bytes: await collect(answer) };
}

function ask(url, headers) {
  return new Promise((resolve, reject) => {
    http.get(url, { headers, lookup, agent: false }, resolve).on('error', reject);
  });
}

/** Sends a body in chunks to a URL without any SDK. */
function send(url, data, headers) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'PUT', headers, lookup, agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
    request.on('error', reject);
    streamOf(data).pipe(request);
  });
}
