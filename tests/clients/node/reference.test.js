'use strict';

/**
 * The reference scenario with ali-oss, the vendor's Node.js SDK, in all its endpoint modes: a
 * bucket's referer policy is put, read back, obeyed by downloads, and reset.
 */

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');

const { MODES, download, plainUrl, withBucket } = require('./modes.js');
const { startServer } = require('./server.js');

const OWN_SITE = { Referer: 'http://www.example.com/gallery.html' };
const OTHER_SITE = { Referer: 'http://thief.example.net/' };
const WHITELIST = ['http://www.example.com', 'https://www.example.com', 'http://*.example.com'];

const KEY = 'pictures/cat + dog.jpg';
const CONTENT = 'not really a picture';

const EMPTY_REFERER = '0003-00000501';
const NOT_WHITELISTED = '0003-00000503';
const DENIAL = 'You are denied by bucket referer policy.';

let server;
before(async () => { server = await startServer(); });
after(async () => { assert.equal(await server?.end(), 0, server?.log()); });

function denial(ecCode) {
  return (error) => {
    assert.deepEqual(
      { name: error.name, code: error.code, status: error.status, ecCode: error.ecCode },
      { name: 'AccessDeniedError', code: 'AccessDenied', status: 403, ecCode },
    );
    assert.equal(error.message, DENIAL);
    assert.equal(error.requestId.length, 24);
    return true;
  };
}

/** Signed URLs for the object, and the host to ask them of where the URL does not say it. */
async function signedUrls(client, mode) {
  const forged = mode.host === '127.0.0.1' && !mode.options.sldEnable;
  const headers = forged ? { Host: `${client.options.bucket}.oss-cn-hangzhou.aliyuncs.com` } : {};
  const v4 = { url: await client.signatureUrlV4('GET', 60, {}, KEY), headers };
  return mode.signs ? [v4, { url: client.signatureUrl(KEY, { expires: 60 }), headers: {} }] : [v4];
}

/** The same client behind a transport that takes the signature off, as if nobody had signed. */
function anonymous(client) {
  const stranger = Object.create(client);
  stranger.urllib = {
    request(url, { headers: { authorization, ...headers }, ...params }) {
      return client.urllib.request(url, { ...params, headers });
    },
  };
  return stranger;
}

for (const mode of MODES) {
  describe(mode.name, () => {
    it('the whole scenario', () => withBucket(server, mode, async (client, bucket) => {
      await client.put(KEY, Buffer.from(CONTENT));
      const url = plainUrl(server, bucket, KEY);

      assert.equal((await client.putBucketReferer(bucket, false, WHITELIST)).res.status, 200);
      const policy = await client.getBucketReferer(bucket);
      assert.deepEqual([policy.allowEmpty, policy.referers], [false, WHITELIST]);

      const allowed = await download(url, { headers: OWN_SITE });
      assert.deepEqual([allowed.status, allowed.text], [200, CONTENT]);
      for (const [headers, ec] of [[{}, EMPTY_REFERER], [OTHER_SITE, NOT_WHITELISTED]]) {
        const denied = await download(url, { headers });
        assert.deepEqual([denied.status, denied.headers['x-oss-ec']], [403, ec]);
        assert.match(denied.text, new RegExp(`<EC>${ec}</EC>`));
      }

      assert.equal((await client.deleteBucketReferer(bucket)).res.status, 200);
      const reset = await client.getBucketReferer(bucket);
      assert.deepEqual([reset.allowEmpty, reset.referers], [true, null]);
      for (const headers of [{}, OWN_SITE, OTHER_SITE]) {
        assert.equal((await download(url, { headers })).text, CONTENT);
      }
    }));

    it('a bucket without a policy has the defaults', () => withBucket(server, mode, async (client, bucket) => {
      const policy = await client.getBucketReferer(bucket);
      assert.deepEqual([policy.allowEmpty, policy.referers], [true, null]);
    }));

    it('signed URLs obey the policy', () => withBucket(server, mode, async (client, bucket) => {
      await client.put(KEY, Buffer.from(CONTENT));
      await client.putBucketACL(bucket, 'private');
      await client.putBucketReferer(bucket, false, WHITELIST);
      for (const { url, headers } of await signedUrls(client, mode)) {
        const allowed = await download(url, { headers: { ...headers, ...OWN_SITE } });
        assert.deepEqual([allowed.status, allowed.text], [200, CONTENT], url);
        const empty = await download(url, { headers });
        assert.deepEqual([empty.status, empty.headers['x-oss-ec']], [403, EMPTY_REFERER]);
        const other = await download(url, { headers: { ...headers, ...OTHER_SITE } });
        assert.deepEqual([other.status, other.headers['x-oss-ec']], [403, NOT_WHITELISTED]);
      }
    }));

    it('the owner is never asked for a referer', () => withBucket(server, mode, async (client, bucket) => {
      await client.put(KEY, Buffer.from(CONTENT));
      await client.putBucketReferer(bucket, false, WHITELIST);
      for (const headers of [{}, OTHER_SITE]) {
        assert.equal((await client.get(KEY, { headers: { ...headers } })).content.toString(), CONTENT);
        assert.equal((await client.head(KEY, { headers: { ...headers } })).status, 200);
      }
    }));

    it('referers keep an ampersand, which ali-oss does not escape', () => withBucket(server, mode, async (client, bucket) => {
      const referers = ['http://a.com/?x=1&y=2', 'http://b.com/?a&&b', '中文'];
      await client.putBucketReferer(bucket, true, referers);
      assert.deepEqual((await client.getBucketReferer(bucket)).referers, referers);
    }));

    it('a referer with a less-than sign, which is not XML, is refused', () => withBucket(server, mode, async (client, bucket) => {
      await client.putBucketReferer(bucket, false, WHITELIST);
      await assert.rejects(
        client.putBucketReferer(bucket, true, ['http://a.com/?x=<2>']),
        { code: 'MalformedXML', status: 400, ecCode: '0033-00000001' },
      );
      assert.deepEqual((await client.getBucketReferer(bucket)).referers, WHITELIST);
    }));
  });
}

// `IP address, sldEnable` names the bucket in the host and in the path, and only a signature
// tells that this is not a key in a folder of that name.
const NAMING_MODES = MODES.filter((mode) => mode.host !== '127.0.0.1' || !mode.options.sldEnable);

for (const mode of NAMING_MODES) {
  describe(`${mode.name}, without a signature`, () => {
    it('strangers are denied with the reason, for GET and HEAD', () => withBucket(server, mode, async (client, bucket) => {
      await client.put(KEY, Buffer.from(CONTENT));
      await client.putBucketReferer(bucket, false, WHITELIST);
      const stranger = anonymous(client);
      for (const [site, ec] of [[{}, EMPTY_REFERER], [OTHER_SITE, NOT_WHITELISTED]]) {
        const headers = () => ({ headers: { ...site } });
        await assert.rejects(stranger.get(KEY, headers()), denial(ec));
        await assert.rejects(stranger.head(KEY, headers()), denial(ec));
        await assert.rejects(stranger.getObjectMeta(KEY, headers()), denial(ec));
      }
      const got = await stranger.get(KEY, { headers: { ...OWN_SITE } });
      assert.equal(got.content.toString(), CONTENT);
    }));
  });
}
