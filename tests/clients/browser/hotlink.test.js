'use strict';

/**
 * A picture in a bucket, embedded by its owner's site and by a thief's, as a browser shows it.
 *
 * The owner's site is on 127.0.0.1 and the thief's on localhost, so that a browser takes them
 * for two sites.
 */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { after, before, beforeEach, afterEach, describe, it } = require('node:test');

const { launchChromium } = require('./chromium.js');
const { png, SIZE } = require('./picture.js');
const { MODES, makeClient, plainUrl } = require('../node/modes.js');
const { startServer } = require('../node/server.js');

const KEY = 'pictures/cat.png';
const SHOWN = SIZE;
const BROKEN = 0;

let server, browser, owner, thief, client, bucket, picture;
let firstTab;

before(async () => {
  server = await startServer();
  client = makeClient(server, MODES[0]);
  bucket = client.options.bucket;
  await client.putBucket(bucket, { acl: 'public-read' });
  await client.put(KEY, png());
  picture = plainUrl(server, bucket, KEY);
  owner = await startSite('127.0.0.1', 'The owner');
  thief = await startSite('localhost', 'The thief');
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  for (const site of [owner, thief]) site?.close();
  assert.equal(await server?.end(), 0, server?.log());
});

// Every test has a browser profile, and so a cache, of its own.
beforeEach(async () => { firstTab = await (await browser.newContext()).newPage(); });
afterEach(() => firstTab.context().close());

/** A site with a page at `/` that embeds the picture, and one at `/no-referrer` that says nothing. */
async function startSite(host, title) {
  const page = (attributes) => `<!doctype html><title>${title}</title>
    <link rel="icon" href="data:,">
    <body style="font-family: sans-serif"><h1>${title}</h1>
    <img alt="(no picture)" src="${picture}" ${attributes}>`;
  const site = http.createServer((request, answer) => {
    answer.setHeader('Content-Type', 'text/html; charset=utf-8');
    answer.end(page(request.url === '/no-referrer' ? 'referrerpolicy="no-referrer"' : ''));
  });
  await new Promise((listening) => { site.listen(0, '127.0.0.1', listening); });
  const origin = `http://${host}:${site.address().port}`;
  return { origin, close: () => { site.closeAllConnections(); site.close(); } };
}

/** Lets the owner's site embed, and pages that say nothing if `allowEmpty`. */
function protect({ allowEmpty }) {
  return client.putBucketReferer(bucket, allowEmpty, [`${owner.origin}/`]);
}

/** The width of the picture on a page: zero when the browser has no picture to show. */
async function widthOn(url, tab = firstTab) {
  await tab.goto(url);
  return tab.locator('img').evaluate((image) => image.naturalWidth);
}

/** The status of the answer when the address of the picture is typed in. */
async function statusOfOpening() {
  return (await firstTab.goto(picture)).status();
}

for (const allowEmpty of [true, false]) {
  describe(allowEmpty ? 'where an empty referer passes' : 'where an empty referer is denied', () => {
    before(() => protect({ allowEmpty }));

    it("the owner's page shows the picture", async () => {
      assert.equal(await widthOn(`${owner.origin}/`), SHOWN);
    });

    it("the thief's page does not", async () => {
      assert.equal(await widthOn(`${thief.origin}/`), BROKEN);
    });

    it("the thief's page that hides where it is", async () => {
      assert.equal(await widthOn(`${thief.origin}/no-referrer`), allowEmpty ? SHOWN : BROKEN);
    });

    it('opening the picture by its address', async () => {
      assert.equal(await statusOfOpening(), allowEmpty ? 200 : 403);
    });
  });
}

it('a picture in the HTTP cache is not shown to a page that may not have it', async () => {
  await protect({ allowEmpty: false });
  assert.equal(await widthOn(`${owner.origin}/`), SHOWN);
  // Another tab has the same HTTP cache, which heeds `Vary: Referer`. One tab alone also keeps
  // pictures that it has decoded, and shows those without asking any cache.
  const secondTab = await firstTab.context().newPage();
  assert.equal(await widthOn(`${owner.origin}/no-referrer`, secondTab), BROKEN);
});

it('without a policy every page shows the picture', async () => {
  await client.deleteBucketReferer(bucket);
  for (const page of ['/', '/no-referrer']) {
    assert.equal(await widthOn(owner.origin + page), SHOWN);
    assert.equal(await widthOn(thief.origin + page), SHOWN);
  }
  assert.equal(await statusOfOpening(), 200);
});

it('both pages side by side, for a person to look at', async () => {
  await protect({ allowEmpty: true });
  await firstTab.setViewportSize({ width: 640, height: 240 });
  const frame = (site) => `<iframe src="${site.origin}/" width="300" height="200"></iframe>`;
  await firstTab.setContent(`<body style="margin: 8px">${frame(owner)} ${frame(thief)}`, { waitUntil: 'load' });
  const folder = process.env.REFGATE_SCREENSHOTS ?? 'target/screenshots';
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'hotlink.png');
  await firstTab.screenshot({ path: file });
  assert.ok(fs.statSync(file).size > 0);
});
