'use strict';

/**
 * The ways in which ali-oss can be pointed at a server.
 *
 * With an IP address as endpoint ali-oss forges the header `Host: <bucket>.oss-cn-hangzhou…`,
 * and leaves the bucket out of the URL unless `sldEnable` is set.
 */

const crypto = require('node:crypto');
const http = require('node:http');

const OSS = require('ali-oss');

const {
  REGION, ACCESS_KEY_ID, ACCESS_KEY_SECRET, BASE_DOMAIN, CNAME, CNAME_BUCKET,
} = require('./server.js');

// `signs` says whether signatureUrl works: with an IP address it throws.
const ENDPOINTS = [
  { name: 'IP address, forged host', host: '127.0.0.1', options: {}, signs: false },
  { name: 'IP address, sldEnable', host: '127.0.0.1', options: { sldEnable: true }, signs: false },
  { name: 'IP address, cname', host: '127.0.0.1', options: { cname: true }, signs: false },
  { name: 'localhost, sldEnable', host: 'localhost', options: { sldEnable: true }, signs: true },
  { name: 'virtual host', host: BASE_DOMAIN, options: {}, signs: true },
  { name: 'CNAME', host: CNAME, options: { cname: true }, signs: true, bucket: CNAME_BUCKET },
];

/** Every endpoint with both signatures. */
const MODES = ENDPOINTS.flatMap((endpoint) => [
  { ...endpoint, name: `${endpoint.name}, V1`, v4: false },
  { ...endpoint, name: `${endpoint.name}, V4`, v4: true },
]);

/** Name resolution of the tests: every name is this machine. */
function lookup(_name, options, answer) {
  if (options.all) return answer(null, [{ address: '127.0.0.1', family: 4 }]);
  return answer(null, '127.0.0.1', 4);
}

/** A client; `settings` are the credentials of somebody else, or a bucket that is there. */
function makeClient(server, mode, settings = {}) {
  return new OSS({
    accessKeyId: ACCESS_KEY_ID,
    accessKeySecret: ACCESS_KEY_SECRET,
    region: `oss-${REGION}`,
    endpoint: `http://${mode.host}:${server.port}`,
    bucket: bucketFor(mode),
    authorizationV4: mode.v4,
    agent: new http.Agent({ lookup }),
    ...mode.options,
    ...settings,
  });
}

function bucketFor(mode) {
  return mode.bucket ?? `test-${crypto.randomBytes(8).toString('hex')}`;
}

/** A bucket that anybody may read, for the time of one test. */
async function withBucket(server, mode, test) {
  const client = makeClient(server, mode);
  const { bucket } = client.options;
  await client.putBucket(bucket, { acl: 'public-read' });
  try {
    await test(client, bucket);
  } finally {
    // Only a CNAME's bucket is shared between tests: its name is a setting of the server.
    if (mode.bucket) await removeBucket(client, bucket);
  }
}

async function removeBucket(client, bucket) {
  const { objects } = await client.listV2({ 'max-keys': 1000 });
  for (const object of objects) await client.delete(object.name);
  await client.deleteBucket(bucket);
}

/** A GET or HEAD without any SDK, as a browser would send it. */
function download(url, { method = 'GET', headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, lookup, agent: false }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => resolve({
        status: answer.statusCode,
        headers: answer.headers,
        text: Buffer.concat(chunks).toString(),
      }));
    });
    request.on('error', reject);
    request.end();
  });
}

/** The object's URL in path style. */
function plainUrl(server, bucket, key) {
  return `http://${server.address}/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

module.exports = { MODES, makeClient, withBucket, download, lookup, plainUrl };
