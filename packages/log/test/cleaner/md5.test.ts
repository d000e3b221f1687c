/** Compares the hash with Node's own for keys of all lengths around the limits of a block. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Md5 } from '../../src/cleaner/md5.ts';

test('hashes as MD5 does', () => {
  const md5 = new Md5();
  const bytes = Uint8Array.from({ length: 400 }, (_, i) => (i * 131 + (i >> 3)) & 0xff);
  for (let size = 0; size < 300; size++) {
    md5.hash(bytes, 7, 7 + size);
    const expected = createHash('md5')
      .update(bytes.subarray(7, 7 + size))
      .digest('hex');
    expect(Buffer.from(md5.words.slice().buffer).toString('hex')).toBe(expected);
  }
});
