'use strict';

/** Forms of a page that a real browser sends: with a file that somebody chose, and by a script. */

const assert = require('node:assert/strict');
const http = require('node:http');
const { after, before, beforeEach, afterEach, it } = require('node:test');

const { launchChromium } = require('./chromium.js');
const { MODES, makeClient, plainUrl } = require('../node/modes.js');
const { startServer } = require('../node/server.js');

const FILE = { name: 'Grüße & more.txt', mimeType: 'text/plain', buffer: Buffer.from('dear all') };
const KEY = 'letters/Grüße & more.txt';

let refgate, browser, site, client, bucket, tab;

before(async () => {
  refgate = await startServer();
  client = makeClient(refgate, MODES.find(({ name }) => name === 'localhost, sldEnable, V1'));
  bucket = client.options.bucket;
  await client.putBucket(bucket);
  site = await startSite();
  browser = await launchChromium();
});

after(async () => {
  await browser?.close();
  site?.close();
  assert.equal(await refgate?.end(), 0, refgate?.log());
});

beforeEach(async () => {
  await client.delete(KEY);
  await client.deleteBucketReferer(bucket);
  await client.deleteBucketCORS(bucket);
  tab = await (await browser.newContext()).newPage();
});
afterEach(() => tab.context().close());

/** The fields of a form that the owner signed for letters, and the page's own. */
function fieldsOf(more) {
  const policy = {
    expiration: new Date(Date.now() + 60_000).toISOString(),
    conditions: [{ bucket }, ['starts-with', '$key', 'letters/'], ['content-length-range', 1, 100]],
  };
  return { key: 'letters/${filename}', ...client.calculatePostSignature(policy), ...more };
}

/** A site whose page has the form, with a button behind the file as in the vendor's sample. */
async function startSite() {
  const server = http.createServer((request, answer) => {
    answer.setHeader('Content-Type', 'text/html; charset=utf-8');
    if (request.url.startsWith('/done')) return answer.end('<!doctype html><title>Done</title>');
    const fields = fieldsOf({ success_action_redirect: `${site.origin}/done?from=form` });
    const inputs = Object.entries(fields)
      .map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
    return answer.end(`<!doctype html><title>Form</title><link rel="icon" href="data:,">
      <form action="${plainUrl(refgate, bucket, '')}" method="post" enctype="multipart/form-data">
      ${inputs.join('\n')}<input type="file" name="file"><input type="submit" name="submit">
      </form>`);
  });
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, close: () => { server.closeAllConnections(); server.close(); } };
}

async function submit() {
  await tab.goto(site.origin);
  await tab.setInputFiles('input[type=file]', FILE);
  const answered = tab.waitForResponse((answer) => answer.request().method() === 'POST');
  await tab.click('input[type=submit]');
  const answer = await answered;
  await tab.waitForLoadState();
  return answer;
}

const isThere = () => client.head(KEY).then(() => true, (error) => {
  assert.equal(error.status, 404);
  return false;
});

it('a form with a file is stored, and the page that it names comes next', async () => {
  const answer = await submit();
  assert.equal(answer.status(), 303);
  const { content, res } = await client.get(KEY);
  assert.deepEqual(content, FILE.buffer);
  assert.equal(res.headers['content-type'], 'text/plain');
  assert.equal(await tab.title(), 'Done');
  const told = Object.fromEntries(new URL(tab.url()).searchParams);
  assert.deepEqual(told, { from: 'form', bucket, key: KEY, etag: res.headers.etag });
});

it('a form from a page that the referer policy denies is not stored', async () => {
  await client.putBucketReferer(bucket, false, ['http://elsewhere.example/']);
  const answer = await submit();
  assert.equal(answer.status(), 403);
  assert.equal(answer.headers()['x-oss-ec'], '0003-00000503');
  assert.equal(await isThere(), false);

  await client.putBucketReferer(bucket, false, [`${site.origin}/`]);
  assert.equal((await submit()).status(), 303);
  assert.equal(await isThere(), true);
});

/** Sends a form by the page's script: what it gets to read, or the error that it is told. */
async function post(fields) {
  await tab.goto(`${site.origin}/done`);
  return tab.evaluate(async ([url, entries, name]) => {
    const form = new FormData();
    for (const [field, value] of Object.entries(entries)) form.append(field, value);
    form.append('file', new File(['dear all'], name, { type: 'text/plain' }));
    try {
      const answer = await fetch(url, { method: 'POST', body: form });
      return { status: answer.status, text: await answer.text() };
    } catch (error) {
      return error.name;
    }
  }, [plainUrl(refgate, bucket, ''), fields, FILE.name]);
}

it('a script reads the answer to its form, good or bad, where its page has a rule', async () => {
  const rule = { allowedOrigin: site.origin, allowedMethod: 'POST', exposeHeader: 'ETag' };
  await client.putBucketCORS(bucket, [rule]);
  const stored = await post(fieldsOf({ success_action_status: '201' }));
  assert.equal(stored.status, 201);
  assert.match(stored.text, /<Key>letters\/Grüße &amp; more.txt<\/Key>/);
  assert.equal(await isThere(), true);

  const refused = await post(fieldsOf({ key: 'elsewhere/${filename}' }));
  assert.equal(refused.status, 403);
  assert.match(refused.text, /Invalid according to Policy: Policy Condition failed/);

  await client.deleteBucketCORS(bucket);
  await client.delete(KEY);
  assert.equal(await post(fieldsOf({})), 'TypeError');
  // No preflight asks for it: a browser hides the answer, and not the form.
  assert.equal(await isThere(), true);
});
