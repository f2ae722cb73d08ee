'use strict';

const { chromium } = require('playwright-core');

/** The system's Chromium, without a window and without calls to anywhere else. */
function launchChromium() {
  const executablePath = process.env.REFGATE_CHROMIUM;
  if (!executablePath) throw new Error('REFGATE_CHROMIUM names no browser; ./test browser sets it');
  const args = [
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-proxy-server',
  ];
  // Chromium's sandbox does not start as root, which is what containers are.
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  return chromium.launch({ executablePath, args, headless: true });
}

module.exports = { launchChromium };
