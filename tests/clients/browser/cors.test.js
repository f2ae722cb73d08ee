'use strict';

/** What a script on a page of another origin can send to a bucket, and what it gets to read. */

const assert = require('node:assert/strict');
const http = require('node:http');
const { after, before, beforeEach, afterEach, it } = require('node:test');

const { launchChromium } = require('./chromium.js');
const { MODES, makeClient, plainUrl } = require('../node/modes.js');
const { startServer } = require('../node/server.js');

const KEY = 'notes/today.txt';
const DENIED_BY_WHITELIST = '0003-00000503';
/** What a page is told of a request whose answer it may not read. */
const HIDDEN = 'TypeError';

let server, browser, site, client, bucket, url, tab;

before(async () => {
  server = await startServer();
  // Of its modes this is one whose signed URLs a browser can open.
  client = makeClient(server, MODES.find(({ name }) => name === 'localhost, sldEnable, V4'));
  bucket = client.options.bucket;
  await client.putBucket(bucket, { acl: 'public-read' });
  url = plainUrl(server, bucket, KEY);
  site = await startSite();
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  site?.close();
  assert.equal(await server?.end(), 0, server?.log());
});

// Browsers remember preflights, so every test has a profile of its own.
beforeEach(async () => {
  await client.put(KEY, Buffer.from('as it was'));
  await client.deleteBucketReferer(bucket);
  tab = await (await browser.newContext()).newPage();
  await tab.goto(site.origin);
});
afterEach(() => tab.context().close());

/** A site with an empty page. Another port of the same host is another origin. */
async function startSite() {
  const server = http.createServer((request, answer) => {
    answer.setHeader('Content-Type', 'text/html; charset=utf-8');
    answer.end('<!doctype html><title>A page</title><link rel="icon" href="data:,">');
  });
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, close: () => { server.closeAllConnections(); server.close(); } };
}

function allow(...methods) {
  return client.putBucketCORS(bucket, [{
    allowedOrigin: site.origin,
    allowedMethod: methods,
    allowedHeader: ['x-oss-*', 'content-type'],
    exposeHeader: ['ETag', 'x-oss-ec', 'x-oss-meta-author'],
  }]);
}

/** Asks from the page: what its script gets to read, or the name of the error that it is told. */
function fetchFromPage(target, options = {}) {
  return tab.evaluate(async ([address, settings]) => {
    try {
      const answer = await fetch(address, settings);
      const headers = Object.fromEntries(answer.headers);
      return { status: answer.status, text: await answer.text(), headers };
    } catch (error) {
      return error.name;
    }
  }, [target, options]);
}

const stored = async () => (await client.get(KEY)).content.toString();

it('a page of another origin reads an object and the headers that the rule names', async () => {
  await allow('GET');
  const answer = await fetchFromPage(url);
  assert.deepEqual([answer.status, answer.text], [200, 'as it was']);
  assert.equal(answer.headers.etag, (await client.head(KEY)).res.headers.etag);
  assert.equal(answer.headers['x-oss-request-id'], undefined);
});

it('without a rule it reads nothing', async () => {
  await client.deleteBucketCORS(bucket);
  assert.equal(await fetchFromPage(url), HIDDEN);
});

it('a page uploads by a signed URL, after a preflight', async () => {
  await allow('PUT');
  const headers = { 'Content-Type': 'text/plain', 'x-oss-meta-author': 'alice' };
  const signed = await client.signatureUrlV4('PUT', 60, { headers }, KEY);
  const answer = await fetchFromPage(signed, { method: 'PUT', headers, body: 'written by a page' });
  assert.equal(answer.status, 200);
  assert.ok(answer.headers.etag);
  assert.equal(await stored(), 'written by a page');
  assert.equal((await client.head(KEY)).meta.author, 'alice');
});

it('a preflight that is refused keeps the browser from sending', async () => {
  await allow('GET');
  const signed = await client.signatureUrlV4('PUT', 60, {}, KEY);
  assert.equal(await fetchFromPage(signed, { method: 'PUT', body: 'stolen' }), HIDDEN);
  assert.equal(await stored(), 'as it was');
});

it('a denial by referer can be read where the origin has a rule, and only there', async () => {
  await allow('GET');
  await client.putBucketReferer(bucket, false, ['http://elsewhere.example/']);
  const denied = await fetchFromPage(url);
  assert.equal(denied.status, 403);
  assert.match(denied.text, /<Code>AccessDenied<\/Code>/);
  assert.match(denied.text, /You are denied by bucket referer policy/);
  assert.equal(denied.headers['x-oss-ec'], DENIED_BY_WHITELIST);

  await client.deleteBucketCORS(bucket);
  assert.equal(await fetchFromPage(url), HIDDEN);
});

it('credentials are never allowed', async () => {
  await allow('GET');
  assert.equal(await fetchFromPage(url, { credentials: 'include' }), HIDDEN);
});
