/** Goal: no bytes can crash, hang or bloat the decoders. Method: damaged golden frames, and wrong lengths. */
import { apis, DecodeError } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { fuzz } from '../../fuzz.ts';

it('100,000 damaged frames decode or are refused', () => {
  const report = fuzz(100_000, 20_260_801);
  expect(report.frames).toBe(100_000);
  // If the decoders refused nearly all frames, or nearly none, the run would test little.
  expect(report.decoded).toBeGreaterThan(10_000);
  expect(report.refused).toBeGreaterThan(10_000);
});

describe('an array that claims more elements than there are bytes', () => {
  it.each([
    ['in int32', 0, '7fffffff'],
    ['negative', 0, 'fffffffe'],
    ['in a varint', 9, 'ffffffff0f'],
    ['too long a varint', 9, 'ffffffff1f'],
  ])('%s is refused', (_, version, count) => {
    expect(() => apis.metadata.decodeRequest(version, Buffer.from(count, 'hex'))).toThrow(DecodeError);
  });

  it('is refused if that many elements of the smallest size do not fit into the bytes', () => {
    // 3 topics of at least 2 bytes each cannot be in 5 bytes.
    const body = Buffer.from('00000003' + '0000000000', 'hex');
    expect(() => apis.metadata.decodeRequest(1, body)).toThrow(
      'array longer than the message at byte 4 of 9',
    );
  });
});

it('a request of millions of tiny elements is refused before they cost memory', () => {
  const count = 3_000_000;
  const body = Buffer.alloc(4 + count * 2);
  body.writeInt32BE(count);
  expect(() => apis.metadata.decodeRequest(1, body)).toThrow('too many array elements');
});

it('a tagged field must have the size it announces, and unknown ones are skipped', () => {
  const empty = Buffer.concat(apis.fetch.encodeRequest(12, {}));
  const withTag = (tagged: string) => Buffer.concat([empty.subarray(0, -1), Buffer.from(tagged, 'hex')]);
  expect(apis.fetch.decodeRequest(12, withTag('01' + '00' + '03' + '036162')).clusterId).toBe('ab');
  expect(apis.fetch.decodeRequest(12, withTag('01' + '63' + '02' + 'ffff')).clusterId).toBeNull();
  expect(() => apis.fetch.decodeRequest(12, withTag('01' + '00' + '04' + '03616200'))).toThrow(
    'tagged field of another size than announced',
  );
  expect(() => apis.fetch.decodeRequest(12, withTag('01' + '63' + '05' + 'ffff'))).toThrow(
    'tagged field longer than the message',
  );
});
