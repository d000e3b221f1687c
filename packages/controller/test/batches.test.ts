/**
 * Goal: every batch of the log fits into a message, and the next controller completes a fencing or unfencing
 * that was cut between batches.
 */
import { encodeRecord } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { BATCH_BYTES_MAX, batchesOf } from '../src/batches.ts';
import { Harness, uuid } from './support/harness.ts';

const BATCH_BYTES = 400;

/** Broker 1 leads 40 partitions, and broker 2 follows. A batch of changes has at most BATCH_BYTES. */
function crowded(): Harness {
  const h = new Harness({ batchBytes: BATCH_BYTES }, [1, 2]);
  const assignments = Array.from({ length: 20 }, () => [1, 2]);
  h.topic('a', ...assignments);
  h.topic('b', ...assignments);
  return h;
}

function leaders(h: Harness): Set<number> {
  const found = new Set<number>();
  for (const name of h.active.image.topicNames)
    for (const { leader } of h.active.image.topic(name)!.partitions) found.add(leader);
  return found;
}

function bytesOf(records: readonly Uint8Array[]): number {
  return records.reduce((sum, record) => sum + record.length, 0);
}

describe('a broker with very many partitions', () => {
  test('is fenced in several batches; a controller that dies between them leaves the rest to the next', () => {
    const h = crowded();
    h.active.sessionLost(1, h.active.image.broker(1)!.incarnationId, h.now);
    h.advance(h.active.config.connectionLossGraceMs);
    expect(h.pending.length).toBeGreaterThan(1);
    for (const { records } of h.pending) expect(bytesOf(records)).toBeLessThanOrEqual(BATCH_BYTES);
    h.commitFirst();
    h.loseLeadership();
    expect(leaders(h)).toEqual(new Set([1, 2]));
    expect(h.active.image.broker(1)!.fenced).toBe(false);
    h.heartbeat(2);
    h.advance(2999);
    h.heartbeat(2);
    // A new controller waits a little longer than 3 s: docs/leases.md.
    h.advance(9);
    h.commit();
    expect(h.active.image.broker(1)!.fenced).toBe(true);
    expect(leaders(h)).toEqual(new Set([2]));
  });

  test('is unfenced in several batches; a controller that dies between them leaves the elections to the next', () => {
    const h = crowded();
    h.kill(2);
    h.kill(1);
    expect(leaders(h)).toEqual(new Set([-1]));
    h.heartbeat(1);
    expect(h.pending.length).toBeGreaterThan(1);
    h.excused = 'no leader though one could lead';
    h.commitFirst();
    h.loseLeadership();
    expect(leaders(h)).toEqual(new Set([-1, 1]));
    h.commit();
    h.excused = undefined;
    expect(leaders(h)).toEqual(new Set([1]));
    expect(h.heartbeat(1).value).toMatchObject({ errorCode: 0, isFenced: false });
  });
});

describe('a request of a client', () => {
  test('is written in several batches, each of whole topics, and answered after the last', () => {
    const h = new Harness({}, [1]);
    const value = `1:${'1'.repeat(60_000)}`;
    const topics = Array.from({ length: 60 }, (_unused, index) => ({
      name: `t${index}`,
      configs: { 'leader.replication.throttled.replicas': value },
    }));
    const answer = h.createTopics(topics);
    expect(h.pending.length).toBeGreaterThan(2);
    h.commitFirst();
    for (const name of h.active.image.topicNames) expect(h.active.image.topicConfig(name).size).toBe(1);
    expect(answer.value).toBeUndefined();
    h.commit();
    expect(answer.value?.topics.every(({ errorCode }) => errorCode === 0)).toBe(true);
    expect(h.active.image.topicCount).toBe(60);
  });

  test.each([
    ['one topic that no batch could hold', 1, BATCH_BYTES_MAX],
    ['more bytes than a single request may write', 40, 500_000],
  ])('with %s is refused as a whole, and nothing is written', (_what, count, bytes) => {
    const h = new Harness({}, [1]);
    const configs = { 'leader.replication.throttled.replicas': `1:${'1'.repeat(bytes)}` };
    const topics = Array.from({ length: count }, (_unused, index) => ({ name: `t${index}`, configs }));
    const answer = h.createTopics(topics);
    expect(answer.value?.topics).toHaveLength(count);
    for (const { errorCode, errorMessage } of answer.value!.topics) {
      expect(errorCode).toBe(ErrorCode.POLICY_VIOLATION);
      expect(errorMessage).toBe('Unable to perform excessively large batch operation.');
    }
    expect(h.pending).toEqual([]);
    h.topic('next', [1]);
  });
});

test('the batches hold the records unchanged, in their order', () => {
  const records = Array.from({ length: 50_000 }, (_unused, partition) => ({
    type: 'partitionChange' as const,
    topicId: uuid(1),
    partition,
    leader: 3,
  }));
  const { batches, bytes } = batchesOf(records, 1 << 20)!;
  expect(batches.length).toBeGreaterThan(1);
  expect(batches.flatMap((batch) => batch.records)).toEqual(records);
  expect(batches.flatMap((batch) => batch.encoded)).toEqual(records.map(encodeRecord));
  expect(bytes).toBe(bytesOf(records.map(encodeRecord)));
});
