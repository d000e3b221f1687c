/**
 * Goal: the image of a snapshot equals the original. Records that are no metadata snapshot give an error.
 */
import type { Uuid } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { applyRecords, imageToPlain, MetadataImage, type MetadataRecord } from '@millrace/metadata';
import { encodePart, type Snapshot } from '@millrace/raft';
import { expect, test } from 'vitest';
import { decodeImage, snapshotOf } from '../../src/roles/metadata-snapshots.ts';

const topicId = 'Zm9vYmFyYmF6cXV1eDEyMw' as Uuid;
const records: MetadataRecord[] = [
  { type: 'registerBroker', brokerId: 1, incarnationId: topicId, listeners: [], logDirs: [] },
  { type: 'topic', name: 't', topicId },
  {
    type: 'partition',
    topicId,
    partition: 0,
    replicas: [1, 2],
    isr: [1],
    leader: 1,
    leaderEpoch: 3,
    partitionEpoch: 4,
  },
];
const { image } = applyRecords(MetadataImage.EMPTY, { baseOffset: 40, epoch: 5, records });

function decode(parts: readonly Uint8Array[]): MetadataImage | Error {
  const clock = new ManualClock();
  const { id } = snapshotOf(image)!;
  const manifest = { id, voters: new Uint8Array(), parts: parts.length, bytes: 0, checksum: 0 };
  const snapshot: Snapshot = { manifest, parts };
  let decoded: MetadataImage | Error | undefined;
  decodeImage(clock, snapshot, (result) => {
    decoded = result;
  });
  clock.advance(10);
  return decoded!;
}

test('an image comes back with its offset and epoch', () => {
  const parts = [...snapshotOf(image)!.records].map((record) => encodePart([record]));
  const again = decode(parts) as MetadataImage;
  expect([again.offset, again.epoch]).toEqual([42, 5]);
  expect(imageToPlain(again)).toEqual(imageToPlain(image));
});

test('an empty image has no snapshot', () => {
  expect(snapshotOf(MetadataImage.EMPTY)).toBeUndefined();
});

test('malformed records, and records that do not fit together, are an error', () => {
  const [broker, topic, partition] = [...snapshotOf(image)!.records];
  expect(decode([encodePart([broker!, partition!])])).toBeInstanceOf(Error);
  expect(decode([encodePart([broker!, topic!])])).toBeInstanceOf(Error);
  expect(decode([encodePart([new Uint8Array([0xf2, 0x01, 0x00])])])).toBeInstanceOf(Error);
  expect(decode([encodePart([broker!]).subarray(0, 9)])).toBeInstanceOf(Error);
});
