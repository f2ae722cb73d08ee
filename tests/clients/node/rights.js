'use strict';

/** Users and temporary credentials, by the admin API. */

const assert = require('node:assert/strict');

const { ACCESS_KEY_ID, ACCESS_KEY_SECRET } = require('./server.js');

/** Asks the admin API. */
async function ask(server, method, path, body) {
  const basic = Buffer.from(`${ACCESS_KEY_ID}:${ACCESS_KEY_SECRET}`).toString('base64');
  const answer = await fetch(`http://${server.admin}/api/v1/${path}`, {
    method,
    headers: { authorization: `Basic ${basic}` },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

/** A policy that allows something. */
const allow = (actions, ...names) => ({
  Version: '1',
  Statement: [{
    Effect: 'Allow', Action: actions, Resource: names.map((name) => `acs:oss:*:*:${name}`),
  }],
});

/** Temporary credentials in the words of ali-oss. */
async function temporary(server, wanted) {
  const made = await ask(server, 'POST', 'sts', wanted);
  return {
    accessKeyId: made.access_key_id,
    accessKeySecret: made.access_key_secret,
    stsToken: made.security_token,
  };
}

module.exports = { allow, ask, temporary };
