/** Idempotent producers: appended, recognised and refused batches (KIP-98, KIP-360). */
import { MemoryDisk } from '@millrace/base/testing';
import { ErrorCode, readBatchHeader } from '@millrace/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PartitionLog } from '../../src/index.ts';
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../../src/producers/producer-snapshot.ts';
import { ProducerStates } from '../../src/producers/producer-states.ts';
import { batch, DIRECTORY, NOW, openLog, readAll, sequenced } from '../support/logs.ts';

const MAX = 0x7fff_ffff;

/** Appends the batch. Returns 'ok@offset', 'duplicate@offset' or the error's code. */
function send(log: PartitionLog, bytes: Uint8Array, nowWallMs = NOW): string {
  const answer = log.appendAsLeader(bytes, { leaderEpoch: 0, nowWallMs });
  if (!answer.ok) return String(answer.errorCode);
  return `${answer.duplicate ? 'duplicate' : 'ok'}@${answer.baseOffset}`;
}
const OUT_OF_ORDER = String(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
const OLD_EPOCH = String(ErrorCode.INVALID_PRODUCER_EPOCH);

test('sequences continue without gaps; the log recognises each of the last five batches', () => {
  const log = openLog();
  for (let i = 0; i < 7; i++) expect(send(log, sequenced(9, i * 2, 2))).toBe(`ok@${i * 2}`);
  expect(send(log, sequenced(9, 15, 1))).toBe(OUT_OF_ORDER);
  expect(send(log, sequenced(9, 12, 2))).toBe('duplicate@12');
  expect(send(log, sequenced(9, 4, 2))).toBe('duplicate@4');
  expect(send(log, sequenced(9, 2, 2))).toBe(OUT_OF_ORDER);
  // A batch with the same first sequence but another length is not a duplicate.
  expect(send(log, sequenced(9, 12, 1))).toBe(OUT_OF_ORDER);
  expect(log.endOffset).toBe(14);
  expect(send(log, sequenced(9, 14, 1))).toBe('ok@14');
});

test('the answer to a duplicate has the offsets and the append time of the first append', () => {
  const log = openLog({ config: { timestampType: 'LogAppendTime' } });
  send(log, sequenced(9, 0, 3));
  expect(log.appendAsLeader(sequenced(9, 0, 3), { leaderEpoch: 0, nowWallMs: NOW + 5 })).toEqual({
    ok: true,
    baseOffset: 0,
    lastOffset: 2,
    logAppendTimeMs: NOW,
    startOffset: 0,
    duplicate: true,
  });
});

test('producers do not affect each other, and batches without a producer id affect none', () => {
  const log = openLog();
  send(log, sequenced(1, 0, 1));
  expect(send(log, sequenced(2, 0, 1))).toBe('ok@1');
  // kafkajs sends epoch 0 and sequence 0 without a producer id.
  const anonymous = { producerId: -1, producerEpoch: 0, baseSequence: 0 };
  expect(send(log, batch(1, anonymous))).toBe('ok@2');
  expect(send(log, batch(1, anonymous))).toBe('ok@3');
  expect(send(log, sequenced(1, 1, 1))).toBe('ok@4');
  expect(log.producers.size).toBe(2);
});

test('a producer without an epoch may send any sequence, as in Kafka; the log still sees its duplicates', () => {
  const log = openLog();
  const withEpoch = (producerEpoch: number, baseSequence: number) =>
    send(log, batch(1, { producerId: 9, producerEpoch, baseSequence }));
  expect(withEpoch(-1, 0)).toBe('ok@0');
  expect(withEpoch(-1, 0)).toBe('duplicate@0');
  expect(withEpoch(-1, 7)).toBe('ok@1');
  // After batches without an epoch, the first epoch may begin at any sequence. From then on, sequences must
  // continue.
  expect(withEpoch(0, 3)).toBe('ok@2');
  expect(withEpoch(0, 5)).toBe(OUT_OF_ORDER);
  expect(withEpoch(-1, 8)).toBe(OLD_EPOCH);
});

test('an epoch below -1 is refused, also from a producer that the log does not know, as in Kafka', () => {
  const log = openLog({ config: { producerIdExpirationMs: 1000 } });
  const below = batch(1, { producerId: 9, producerEpoch: -2, baseSequence: 0 });
  expect(send(log, below)).toBe(OLD_EPOCH);
  send(log, sequenced(9, 0, 1));
  expect(send(log, below, NOW + 1000)).toBe(OLD_EPOCH);
});

test('a new producer may begin at any sequence; a new epoch begins at 0; an old epoch is fenced', () => {
  const log = openLog();
  expect(send(log, sequenced(1, 77, 1, { producerEpoch: 3 }))).toBe('ok@0');
  expect(send(log, sequenced(1, 78, 1, { producerEpoch: 4 }))).toBe(OUT_OF_ORDER);
  expect(send(log, sequenced(1, 0, 1, { producerEpoch: 4 }))).toBe('ok@1');
  expect(send(log, sequenced(1, 78, 1, { producerEpoch: 3 }))).toBe(OLD_EPOCH);
  // The log no longer recognises batches of an older epoch.
  expect(send(log, sequenced(1, 77, 1, { producerEpoch: 3 }))).toBe(OLD_EPOCH);
});

test('sequences wrap from 2^31-1 to 0, also within a batch', () => {
  const log = openLog();
  expect(send(log, sequenced(1, MAX - 1, 2))).toBe('ok@0');
  expect(send(log, sequenced(1, 0, 1))).toBe('ok@2');
  expect(send(log, sequenced(2, MAX - 1, 4))).toBe('ok@3');
  expect(log.producers.get(2)?.batches.at(-1)?.lastSequence).toBe(1);
  expect(send(log, sequenced(2, 2, 1))).toBe('ok@7');
  expect(send(log, sequenced(2, MAX - 1, 4))).toBe('duplicate@3');
});

test('the log forgets a producer after producer.id.expiration.ms; the producer may then begin at any sequence', () => {
  const log = openLog({ config: { producerIdExpirationMs: 1000 } });
  send(log, sequenced(1, 0, 1));
  send(log, sequenced(2, 0, 1), NOW + 500);
  log.tick(NOW + 1000);
  expect(log.producers.all().map((producer) => producer.producerId)).toEqual([2]);
  expect(send(log, sequenced(2, 40, 1), NOW + 1499)).toBe(OUT_OF_ORDER);
  expect(send(log, sequenced(2, 40, 1), NOW + 1500)).toBe('ok@2');
});

test('a follower updates the states, and accepts any sequence', () => {
  const log = openLog();
  const replicate = (baseSequence: number, o = {}): unknown =>
    log.appendAsFollower(
      sequenced(1, baseSequence, 1, { baseOffset: log.endOffset, leaderEpoch: 0, ...o }),
      NOW,
    );
  expect(replicate(5)).toMatchObject({ ok: true });
  expect(replicate(9)).toMatchObject({ ok: true });
  expect(replicate(0, { producerEpoch: 2 })).toMatchObject({ ok: true });
  expect(send(log, sequenced(1, 0, 1, { producerEpoch: 2 }))).toBe('duplicate@2');
});

test('the log recognises the last five batches after a crash and after a clean stop, also across segments', () => {
  for (const clean of [false, true])
    for (const segmentBytes of [1 << 20, 400]) {
      const disk = new MemoryDisk();
      const config = { segmentBytes };
      const log = openLog({ disk, config });
      for (let i = 0; i < 12; i++) send(log, sequenced(1, i, 1, { valueBytes: 30 }));
      log.close({ clean });
      const again = openLog({ disk, config, cleanShutdown: clean });
      for (const i of [7, 9, 11]) expect(send(again, sequenced(1, i, 1))).toBe(`duplicate@${i}`);
      expect(send(again, sequenced(1, 6, 1))).toBe(OUT_OF_ORDER);
      expect(send(again, sequenced(1, 12, 1))).toBe('ok@12');
      expect(send(again, sequenced(1, 8, 1))).toBe('duplicate@8');
    }
});

test('recall ignores batches of an older epoch and of producers missing from the snapshot', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, config: { producerIdExpirationMs: 1000 } });
  send(log, sequenced(3, 0, 1));
  send(log, sequenced(1, 0, 1));
  send(log, sequenced(1, 0, 1, { producerEpoch: 1 }), NOW + 1200);
  send(log, sequenced(1, 1, 1, { producerEpoch: 1 }), NOW + 1200);
  log.tick(NOW + 1300);
  log.close({ clean: true });
  const again = openLog({ disk, cleanShutdown: true });
  expect(again.producers.all().map(({ producerId }) => producerId)).toEqual([1]);
  expect(again.producers.get(1)?.batches.map(({ lastOffset }) => lastOffset)).toEqual([2, 3]);
});

test("a truncation removes a producer's last batches, even if only a snapshot holds the earlier batches", () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, config: { segmentBytes: 400 } });
  for (let i = 0; i < 12; i++) send(log, sequenced(1, i, 1, { valueBytes: 30 }));
  log.truncateTo(10);
  expect(send(log, sequenced(1, 9, 1))).toBe('duplicate@9');
  expect(send(log, sequenced(1, 10, 1))).toBe('ok@10');
  log.truncateTo(2);
  expect(send(log, sequenced(1, 3, 1))).toBe(OUT_OF_ORDER);
  expect(send(log, sequenced(1, 1, 1))).toBe('duplicate@1');
  expect(send(log, sequenced(1, 2, 1))).toBe('ok@2');
});

test('recovery uses the newest intact snapshot, and reads the rest from the log', async () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, config: { segmentBytes: 400 } });
  for (let i = 0; i < 12; i++) send(log, sequenced(1, i, 1, { valueBytes: 30 }));
  await new Promise<void>((resolve) => log.whenIdle(resolve));
  log.close({ clean: true });
  const snapshots = disk.list(DIRECTORY).filter((name) => name.endsWith('.snapshot'));
  expect(snapshots.length).toBeGreaterThan(2);
  for (const name of snapshots.slice(-2)) disk.writeFileAtomic(`${DIRECTORY}/${name}`, new Uint8Array(56));
  const again = openLog({ disk, cleanShutdown: true, config: { segmentBytes: 400 } });
  expect(send(again, sequenced(1, 11, 1))).toBe('duplicate@11');
  expect(readAll(again).length).toBe(12);
});

test('a decoded snapshot has the last batch of each producer, and a change of any byte is detected', () => {
  const producer = fc.record({
    id: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    epoch: fc.integer({ min: 0, max: 32767 }),
    sequence: fc.integer({ min: 0, max: MAX }),
    count: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(producer, { maxLength: 8 }), fc.nat(), (list, at) => {
      const states = new ProducerStates();
      for (const { id, epoch, sequence, count } of list)
        states.update(readBatchHeader(sequenced(id, sequence, count, { producerEpoch: epoch })), NOW);
      const bytes = encodeProducerSnapshot(states.all());
      const loaded = new ProducerStates();
      loaded.load(decodeProducerSnapshot(bytes)!, NOW);
      const last = (all: ProducerStates): unknown =>
        all.all().map((state) => [state.producerId, state.epoch, state.batches.at(-1)]);
      expect(last(loaded)).toEqual(last(states));
      bytes[at % bytes.length]! ^= 1;
      expect(decodeProducerSnapshot(bytes)).toBeUndefined();
      expect(decodeProducerSnapshot(bytes.subarray(0, -1))).toBeUndefined();
    }),
  );
});
