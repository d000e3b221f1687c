/**
 * Goal: answers can report a file system of more than 2^53 bytes, whether this broker or another one sends
 * them.
 */
import { apis, encodeResponseFrame } from '@millrace/protocol';
import { expect, test } from 'vitest';

const HUGE = Number.MAX_SAFE_INTEGER;
/** 9.2e18 bytes, a size that some network file systems report. */
const TOLD = '7fac7b00e0aa0000';

test.each([4, 5])(
  'v%i: the largest safe integer is encoded as the largest int64, and a larger size is decoded to it',
  (version) => {
    const results = [{ errorCode: 0, logDir: '/d', topics: [], totalBytes: HUGE, usableBytes: HUGE }];
    const chunks = encodeResponseFrame(apis.describeLogDirs, version, 1, { results });
    const frame = Buffer.concat(chunks).toString('hex');
    expect(frame.split('7fffffffffffffff')).toHaveLength(3);
    const foreign = Buffer.from(frame.replaceAll('7fffffffffffffff', TOLD), 'hex');
    // The body begins at byte 9: behind the frame's size, the correlation id and the header's tagged fields.
    const read = apis.describeLogDirs.decodeResponse(version, foreign, 9);
    expect(read.results).toMatchObject([{ totalBytes: HUGE, usableBytes: HUGE }]);
  },
);
