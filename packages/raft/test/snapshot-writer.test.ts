/** Goal: a snapshot of any size is written in small parts and small turns, and in order. */
import { ManualClock } from '@millrace/base/testing';
import { crc32c } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { checksumOf, recordsOfPart, type SnapshotManifest, type StorageWrite } from '../src/index.ts';
import { SnapshotWriter } from '../src/snapshot-writer.ts';

const id = { endOffset: 10, epoch: 2 };
const voters = new Uint8Array([1]);

function writing(records: Iterable<Uint8Array>, partBytes: number) {
  const clock = new ManualClock();
  const parts: Uint8Array[] = [];
  const manifests: SnapshotManifest[] = [];
  const writer = new SnapshotWriter({
    clock,
    partBytes,
    write: (writes: readonly StorageWrite[], durable) => {
      for (const write of writes) {
        if (write.type !== 'snapshotPart') throw new Error(`unexpected ${write.type}`);
        expect([write.id, write.part]).toEqual([id, parts.length]);
        parts.push(write.content);
      }
      clock.setTimer(5, durable);
    },
    written: (manifest) => manifests.push(manifest),
  });
  writer.start({ id, records }, voters);
  return { clock, parts, manifests, writer };
}

test('the end of a write of a stopped snapshot does not start a write of the next one', () => {
  const clock = new ManualClock();
  const inFlight: (() => void)[] = [];
  const writer = new SnapshotWriter({
    clock,
    partBytes: 1,
    write: (_writes, durable) => inFlight.push(durable),
    written: () => {},
  });
  const records = [new Uint8Array(1), new Uint8Array(1), new Uint8Array(1)];
  writer.start({ id, records }, voters);
  clock.advance(1);
  writer.stop();
  writer.start({ id: { endOffset: 20, epoch: 2 }, records }, voters);
  clock.advance(1);
  expect(inFlight).toHaveLength(2);
  inFlight[0]!();
  clock.advance(1);
  expect(inFlight).toHaveLength(2);
  inFlight[1]!();
  clock.advance(1);
  expect(inFlight).toHaveLength(3);
});

test('all records are in the parts, and the manifest describes the parts', () => {
  const records = Array.from({ length: 1000 }, (_unused, index) => new Uint8Array([index & 255, index >> 8]));
  const { clock, parts, manifests } = writing(records, 60);
  clock.advance(10_000);
  expect(parts.flatMap((part) => [...recordsOfPart(part)])).toEqual(records);
  expect(parts.every(({ length }) => length <= 60 + 6)).toBe(true);
  expect(manifests).toEqual([
    {
      id,
      voters,
      parts: parts.length,
      bytes: parts.reduce((sum, { length }) => sum + length, 0),
      checksum: checksumOf(parts.map((part) => crc32c(part))),
    },
  ]);
});

test('a turn encodes at most 200 records', () => {
  const turns: (() => void)[] = [];
  const setTimer = (_delayMs: number, callback: () => void) => {
    turns.push(callback);
    return { cancel: () => {} };
  };
  const writer = new SnapshotWriter({
    clock: { setTimer },
    partBytes: 1_000_000,
    write: (_writes, durable) => durable(),
    written: () => {},
  });
  let encoded = 0;
  function* records(): Generator<Uint8Array> {
    for (; encoded < 1_000; encoded++) yield new Uint8Array(8);
  }
  writer.start({ id, records: records() }, voters);
  expect(encoded).toBe(0);
  for (let turn = 1; turn <= 5; turn++) {
    turns.shift()!();
    expect(encoded).toBeLessThanOrEqual(200 * turn);
  }
});

test('an empty state has one empty part', () => {
  const { clock, parts, manifests } = writing([], 60);
  clock.advance(100);
  expect([parts.length, parts[0]!.length, manifests[0]!.parts]).toEqual([1, 0, 1]);
});

test('after `stop` nothing is written', () => {
  const { clock, parts, manifests, writer } = writing([new Uint8Array(1)], 60);
  writer.stop();
  clock.advance(100);
  expect([parts.length, manifests.length]).toEqual([0, 0]);
});
