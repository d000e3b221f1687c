/**
 * Goal: a job checks a costly batch, and the rules of order, leadership and settings are the same as for any
 * other batch. Method: a cluster with a toy controller. Jobs run when the test says so.
 */
import { buildBatch, Compression, type CompressionCodecs, ErrorCode } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import type { ProduceResult } from '../../src/index.ts';
import { World } from '../support/world.ts';

const ALL = [[1, 2, 3]];
const MANY = 70_000;

/** A batch with so many records that the event loop may not check it. */
const costly = build('costly', MANY, compressionCodecs);
const cheap = (value: string, more = {}) => build(value, 1, compressionCodecs, more);

function build(value: string, count: number, codecs: CompressionCodecs, more = {}): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return buildBatch({
    records: Array.from({ length: count }, (_unused, index) => ({ value: index === 0 ? bytes : null })),
    baseTimestamp: -1,
    compression: count > 1 ? Compression.GZIP : Compression.NONE,
    codecs,
    ...more,
  });
}

interface Produced {
  results: ProduceResult[] | undefined;
  appended: boolean;
  cancel: (() => void) | undefined;
}

function cluster() {
  const world = new World().start();
  const topicId = world.controller.createTopic('events', ALL);
  world.advance(20);
  const leader = world.broker(1);
  const produce = (batches: readonly (Uint8Array | null)[], o: { acks?: number; at?: number } = {}) => {
    const lent = batches.map((one) => (one === null ? null : new Uint8Array(one)));
    const produced: Produced = { results: undefined, appended: false, cancel: undefined };
    world.broker(o.at ?? 1).clock.run(() => {
      produced.cancel = world.broker(o.at ?? 1).manager.produce(
        {
          acks: o.acks ?? -1,
          timeoutMs: 1000,
          apiVersion: 9,
          partitions: lent.map((records) => ({ topicId, topic: 'events', partition: 0, records })),
        },
        (results) => {
          produced.results = results;
        },
        () => {
          produced.appended = true;
        },
      );
      // The caller reuses the request's memory.
      for (const bytes of lent) bytes?.fill(0xee);
    });
    return produced;
  };
  const finishJob = () => leader.clock.run(() => leader.jobs.finishOne());
  const log = () => world.partition(1, topicId).log;
  return { world, topicId, leader, produce, finishJob, log };
}

const codes = ({ results }: Produced) => results?.map(({ errorCode }) => errorCode);

test('a costly batch waits for its job; then it is appended and acknowledged like any other', () => {
  const { world, leader, produce, finishJob, log } = cluster();
  const produced = produce([costly]);
  expect(produced.cancel).toBeDefined();
  expect(leader.jobs.waiting.map(({ name }) => name)).toEqual(['admit-batch']);
  world.advance(5_000);
  // The timeout of the request covers only the wait for acknowledgements, not the job.
  expect([produced.appended, produced.results, log().endOffset]).toEqual([false, undefined, 0]);
  finishJob();
  expect([produced.appended, log().endOffset]).toEqual([true, MANY]);
  world.advance(100);
  expect(produced.results).toMatchObject([{ errorCode: ErrorCode.NONE, baseOffset: 0 }]);
});

test('a retry of an appended costly batch is answered without another job', () => {
  const { world, leader, produce, finishJob, log } = cluster();
  const sequenced = (baseSequence: number) =>
    build('costly', MANY, compressionCodecs, { producerId: 7, producerEpoch: 0, baseSequence });
  const first = produce([sequenced(0)]);
  first.cancel!();
  produce([sequenced(0)]);
  finishJob();
  expect(log().endOffset).toBe(MANY);

  const retry = produce([sequenced(0)]);
  expect([retry.cancel, leader.jobs.waiting]).toEqual([undefined, []]);
  world.advance(100);
  expect(retry.results).toMatchObject([{ errorCode: ErrorCode.NONE, baseOffset: 0 }]);
  // The next batch in the sequence is not a retry, and neither is a corrupt batch. So jobs check both.
  const damaged = sequenced(0);
  damaged[damaged.length - 1]! ^= 1;
  for (const batch of [sequenced(MANY), damaged]) {
    expect(produce([batch]).cancel).toBeDefined();
    finishJob();
  }
  expect(log().endOffset).toBe(2 * MANY);
});

test('a cheap batch is appended within the call, without a job', () => {
  const { leader, produce, log } = cluster();
  const produced = produce([cheap('a')], { acks: 1 });
  expect([produced.cancel, produced.appended, codes(produced)]).toEqual([undefined, false, [ErrorCode.NONE]]);
  expect(log().endOffset).toBe(1);
  expect(leader.jobs.waiting).toEqual([]);
});

test('the batches of one request are appended in the order of the request, and do not delay other requests', () => {
  const { world, produce, finishJob, log } = cluster();
  const produced = produce([cheap('a'), costly, cheap('b')], { acks: 1 });
  expect(codes(produce([cheap('other')], { acks: 1 }))).toEqual([ErrorCode.NONE]);
  finishJob();
  world.advance(50);
  expect(produced.results?.map(({ baseOffset }) => baseOffset)).toEqual([0, 2, MANY + 2]);
  expect(log().endOffset).toBe(MANY + 3);
});

/** 1 KB that decompresses to just under the work limit of the event loop. */
const bomb = buildBatch({
  records: [{ value: new Uint8Array(1_000_000) }],
  baseTimestamp: -1,
  compression: Compression.GZIP,
  codecs: compressionCodecs,
});

test('the batches of one turn share the work limit of the event loop, across requests', () => {
  const { world, leader, topicId, produce, log } = cluster();
  expect(codes(produce([bomb], { acks: 1 }))).toEqual([ErrorCode.NONE]);
  world.advance(1);
  // In this turn the event loop checks only the first bomb, so each request waits for a job.
  const requests: Produced[] = [];
  leader.clock.run(() => {
    const { manager } = leader;
    for (let i = 0; i < 3; i++) {
      const produced: Produced = { results: undefined, appended: false, cancel: undefined };
      const partitions = [bomb, bomb, cheap('a')].map((one) => ({
        topicId,
        topic: 'events',
        partition: 0,
        records: new Uint8Array(one),
      }));
      manager.produce({ acks: 1, timeoutMs: 1000, apiVersion: 9, partitions }, (results) => {
        produced.results = results;
      });
      requests.push(produced);
    }
    expect([leader.jobs.waiting.length, log().endOffset]).toEqual([3, 2]);
    // An uncompressed batch does not wait for the next turn.
    const records = cheap('b');
    const partitions = [{ topicId, topic: 'events', partition: 0, records }];
    const done = (results: ProduceResult[]) => expect(results[0]!.baseOffset).toBe(2);
    manager.produce({ acks: 1, timeoutMs: 1000, apiVersion: 9, partitions }, done);
  });
  expect(log().endOffset).toBe(3);
  for (let rounds = 0; leader.jobs.waiting.length > 0 && rounds < 20; rounds++)
    leader.clock.run(() => leader.jobs.finishOne());
  expect(requests.map(codes)).toEqual(Array(3).fill(Array(3).fill(ErrorCode.NONE)));
  expect(log().endOffset).toBe(11);
});

test('one request has one job at a time', () => {
  const { leader, produce, finishJob, log } = cluster();
  const produced = produce([costly, costly, costly]);
  for (let done = 1; done <= 3; done++) {
    expect(leader.jobs.waiting).toHaveLength(1);
    expect(produced.appended).toBe(false);
    finishJob();
    expect(log().endOffset).toBe(done * MANY);
  }
  expect(produced.appended).toBe(true);
});

test('a batch that a job refuses gets the error of the job, and the batches after it are appended', () => {
  const { produce, finishJob, log } = cluster();
  const wrong = new Uint8Array(costly);
  wrong[wrong.length - 1]! ^= 1;
  const produced = produce([wrong, cheap('b')], { acks: 1 });
  finishJob();
  expect(codes(produced)).toEqual([ErrorCode.CORRUPT_MESSAGE, ErrorCode.NONE]);
  expect(log().endOffset).toBe(1);
});

test('a batch is refused if its leader loses the leadership while a job checks the batch', () => {
  const { world, topicId, produce, finishJob, log } = cluster();
  const produced = produce([costly], { acks: 1 });
  world.controller.elect(topicId, 0, 2);
  world.advance(20);
  finishJob();
  expect(produced.results).toMatchObject([
    { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, currentLeader: { leaderId: 2 } },
  ]);
  expect([produced.appended, log().endOffset]).toEqual([true, 0]);
});

test('a batch gets the new leader epoch if its leader was elected again during the check', () => {
  const { world, topicId, produce, finishJob, log } = cluster();
  produce([costly], { acks: 1 });
  for (const leader of [2, 1]) {
    world.controller.elect(topicId, 0, leader);
    world.advance(20);
  }
  finishJob();
  expect(log().endOffset).toBe(MANY);
  expect(log().epochs.latest).toBe(world.partition(1, topicId).leaderEpoch);
});

test('a batch of a topic that is deleted during the check is refused', () => {
  const { world, topicId, produce, finishJob } = cluster();
  const produced = produce([costly], { acks: 1 });
  world.controller.commit([{ type: 'removeTopic', topicId }]);
  world.advance(20);
  finishJob();
  expect(codes(produced)).toEqual([ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]);
});

test('if the settings of the topic change while a job checks a batch, another job checks the batch again', () => {
  const { leader, produce, finishJob, log } = cluster();
  const produced = produce([costly], { acks: 1 });
  log().setConfig({ ...log().config, isCompacted: true });
  finishJob();
  expect([codes(produced), leader.jobs.waiting.length]).toEqual([undefined, 1]);
  finishJob();
  expect(produced.results).toMatchObject([
    {
      errorCode: ErrorCode.INVALID_RECORD,
      recordErrors: expect.arrayContaining([{ batchIndex: 0, message: expect.any(String) }]),
    },
  ]);
  expect(log().endOffset).toBe(0);
});

test('when the client is gone, the broker drops the batches that it has not yet appended', () => {
  const { leader, produce, log } = cluster();
  const produced = produce([cheap('a'), costly, cheap('b')], { acks: 1 });
  produced.cancel!();
  expect(leader.jobs.waiting).toEqual([]);
  expect([produced.appended, produced.results, log().endOffset]).toEqual([true, undefined, 1]);
});

test('a dead worker and a full job queue fail only the batch in question', () => {
  const { leader, produce, log } = cluster();
  const first = produce([costly, cheap('b')], { acks: 1 });
  leader.clock.run(() => leader.jobs.failOne('the worker died: exit code 7'));
  expect(first.results).toMatchObject([
    { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, message: 'the worker died: exit code 7' },
    { errorCode: ErrorCode.NONE },
  ]);
  leader.jobs.isFull = true;
  const second = produce([costly, cheap('c')], { acks: 1 });
  expect(second.cancel).toBeUndefined();
  expect(second.results).toMatchObject([
    { errorCode: ErrorCode.REQUEST_TIMED_OUT, message: 'too many batches wait to be checked' },
    { errorCode: ErrorCode.NONE },
  ]);
  expect(log().endOffset).toBe(2);
});

test('a stopping broker answers requests that wait for a job', () => {
  const { leader, produce } = cluster();
  const produced = produce([costly]);
  leader.clock.run(() => leader.manager.close({ clean: true }, () => {}));
  expect([codes(produced), leader.jobs.waiting.length]).toEqual([[ErrorCode.NOT_LEADER_OR_FOLLOWER], 0]);
});

test('a costly batch with acks=0 is appended after its job', () => {
  const { produce, finishJob, log } = cluster();
  const produced = produce([costly], { acks: 0 });
  expect(produced.results).toBeUndefined();
  finishJob();
  expect([codes(produced), produced.appended, log().endOffset]).toEqual([[ErrorCode.NONE], true, MANY]);
});

test('if an idempotent producer retries a batch while a job checks the first copy, the retry is a duplicate', () => {
  const { world, produce, finishJob, log } = cluster();
  const mine = build('mine', MANY, compressionCodecs, { producerId: 7, producerEpoch: 0, baseSequence: 0 });
  const first = produce([mine]);
  const again = produce([mine]);
  finishJob();
  finishJob();
  world.advance(50);
  expect([first, again].map(({ results }) => results?.[0])).toMatchObject([
    { errorCode: ErrorCode.NONE, baseOffset: 0 },
    { errorCode: ErrorCode.NONE, baseOffset: 0 },
  ]);
  expect(log().endOffset).toBe(MANY);
});
