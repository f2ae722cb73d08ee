'use strict';

/** A refgate server of its own for a test file: started, waited for, and ended by its process id. */

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const ADDRESS_LINE = /^\s*(data|admin)\s+http:\/\/(\S+)/;
const MILLISECONDS_TO_START = 60_000;

const REGION = 'cn-hangzhou';
const ACCESS_KEY_ID = 'test-access-key-id';
const ACCESS_KEY_SECRET = 'test-access-key-secret';

// Names that reach the server by the tests' own name resolution.
const BASE_DOMAIN = 'oss.test';
const CNAME = 'images.example.test';
const CNAME_BUCKET = 'bucket-of-the-cname';

function binary() {
  const file = process.env.REFGATE_BIN;
  if (!file || !fs.existsSync(file)) {
    throw new Error('REFGATE_BIN does not name the refgate binary; ./test node sets it');
  }
  return file;
}

/**
 * Starts a server and waits until it answers. In the folder of one that was killed it finds what
 * that one has left.
 */
async function startServer({ folder = newFolder() } = {}) {
  const child = spawn(
    binary(),
    [
      'serve',
      '--data-dir', path.join(folder, 'data'),
      '--listen', '127.0.0.1:0',
      '--admin-listen', '127.0.0.1:0',
      '--base-domain', 'localhost',
      '--base-domain', BASE_DOMAIN,
      '--cname', `${CNAME}=${CNAME_BUCKET}`,
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        REFGATE_ROOT_ACCESS_KEY_ID: ACCESS_KEY_ID,
        REFGATE_ROOT_ACCESS_KEY_SECRET: ACCESS_KEY_SECRET,
      },
    },
  );
  const ended = once(child, 'exit');
  const log = [];
  child.stderr.on('data', (chunk) => log.push(chunk));

  const addresses = await announced(child, log);
  const ready = await fetch(`http://${addresses.admin}/readyz`);
  if (ready.status !== 200) throw new Error(`/readyz answers ${ready.status}`);
  return {
    address: addresses.data,
    admin: addresses.admin,
    port: Number(addresses.data.split(':').pop()),
    folder,
    log: () => Buffer.concat(log).toString().slice(-4000),
    /** Ends the server as a power cut does, whatever it is doing. */
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    /** Asks the server to end, as a service manager does; answers its exit status. */
    async end() {
      child.kill('SIGTERM');
      const [status] = await ended;
      fs.rmSync(folder, { recursive: true, force: true });
      return status;
    },
  };
}

function newFolder() {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'refgate-test-'));
}

/** Reads the addresses from the server's output, and the output to its end. */
function announced(child, log) {
  return new Promise((resolve, reject) => {
    const addresses = {};
    const giveUp = (why) => {
      child.kill('SIGKILL');
      reject(new Error(`${why}:\n${Buffer.concat(log)}`));
    };
    const timer = setTimeout(giveUp, MILLISECONDS_TO_START, 'the server announced no addresses');
    const endedEarly = (status) => {
      clearTimeout(timer);
      giveUp(`the server ended with ${status}`);
    };
    child.once('exit', endedEarly);
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      const found = ADDRESS_LINE.exec(line);
      if (found) addresses[found[1]] = found[2].replace(/\/$/, '');
      if (addresses.data && addresses.admin) {
        clearTimeout(timer);
        child.off('exit', endedEarly);
        resolve(addresses);
      }
    });
  });
}

module.exports = {
  startServer,
  REGION,
  ACCESS_KEY_ID,
  ACCESS_KEY_SECRET,
  BASE_DOMAIN,
  CNAME,
  CNAME_BUCKET,
};
