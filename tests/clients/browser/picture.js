'use strict';

/** A small PNG picture, made here so that no binary file is needed. */

const zlib = require('node:zlib');

const SIZE = 96;

/** CRC-32 as PNG's specification defines it. */
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type), data]);
  return Buffer.concat([uint32(data.length), named, uint32(crc32(named))]);
}

/** A disc that goes from red to blue, on white. */
function pixel(x, y) {
  const inside = Math.hypot(x - SIZE / 2, y - SIZE / 2) < SIZE / 2 - 4;
  return inside ? [255 - 2 * x, 64, 2 * x + 32] : [255, 255, 255];
}

function png() {
  const rows = [];
  for (let y = 0; y < SIZE; y += 1) {
    const row = [0];
    for (let x = 0; x < SIZE; x += 1) row.push(...pixel(x, y));
    rows.push(Buffer.from(row));
  }
  const truecolour = Buffer.from([8, 2, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', Buffer.concat([uint32(SIZE), uint32(SIZE), truecolour])),
    chunk('IDAT', zlib.deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

module.exports = { png, SIZE };
