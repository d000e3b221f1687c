/**
 * Goal: a coordinator knows which partitions this broker leads, loads them without blocking the event loop,
 * and appends to them under the durability contract.
 */
import type { LeaderEpoch, Uuid } from '@millrace/base';
import { ErrorCode, readBatchHeader } from '@millrace/protocol';
import { expect, test, vi } from 'vitest';
import type { ProduceResult } from '../src/index.ts';
import { batchOf } from './support/batches.ts';
import { valuesBelow } from './support/logs.ts';
import { World } from './support/world.ts';

const ALL = [[1, 2, 3]];

/** Collects the events that a listener gets, as words. */
function listen(world: World, id: number): string[] {
  const heard: string[] = [];
  world.broker(id).manager.coordination.leaderships.watch({
    began: ({ topic, index }, epoch) => heard.push(`began ${topic}-${index} in ${epoch}`),
    ended: ({ topic, index }, epoch) => heard.push(`ended ${topic}-${index} in ${epoch}`),
  });
  return heard;
}

function append(world: World, id: number, topicId: Uuid, leaderEpoch: LeaderEpoch, value: string) {
  const settled: ProduceResult[] = [];
  const records = batchOf(value);
  const { coordination } = world.broker(id).manager;
  const result = coordination.append({ topicId, index: 0, leaderEpoch, records }, (outcome) =>
    settled.push(outcome),
  );
  records.fill(0xdd);
  return { result, settled };
}

test('a listener gets present leaderships first, then changes in their order', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  const heard = listen(world, 1);
  expect(heard).toEqual([]);
  world.advance(1);
  expect(heard).toEqual(['began events-0 in 0']);
  world.controller.createTopic('more', ALL);
  world.advance(20);
  world.controller.commit([{ type: 'removeTopic', topicId: topic }]);
  world.advance(20);
  expect(heard).toEqual(['began events-0 in 0', 'began more-0 in 0', 'ended events-0 in 0']);
});

test('the next leader reports that its leadership began, the old leader that its leadership ended, each with its leader epoch', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  const [first, second] = [listen(world, 1), listen(world, 2)];
  world.broker(1).isolate();
  world.advance(4000);
  const { leader, leaderEpoch } = world.controller.image.partition(topic, 0)!;
  expect(leader).toBe(2);
  expect(second).toEqual([`began events-0 in ${leaderEpoch}`]);
  world.broker(1).rejoin();
  world.advance(5000);
  expect(first).toEqual(['began events-0 in 0', 'ended events-0 in 0']);
});

test('an append returns its offsets at once, and settles when the ISR has written the batch', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  const one = append(world, 1, topic, 0, 'one');
  const two = append(world, 1, topic, 0, 'two');
  expect([one.result.baseOffset, two.result.baseOffset]).toEqual([0, 1]);
  expect([one.settled, two.settled]).toEqual([[], []]);
  world.advance(1000);
  expect([one.settled, two.settled]).toMatchObject([
    [{ errorCode: ErrorCode.NONE, baseOffset: 0 }],
    [{ errorCode: ErrorCode.NONE, baseOffset: 1 }],
  ]);
  for (const id of [1, 2, 3]) expect(valuesBelow(world.partition(id, topic))).toEqual(['one', 'two']);
});

test('an append in another leader epoch, to a follower or to an unknown partition settles in the same turn', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  for (const [id, epoch] of [
    [1, 7],
    [2, 0],
  ] as const) {
    const { result, settled } = append(world, id, topic, epoch, 'x');
    expect(settled).toEqual([]);
    world.advance(0);
    expect(settled).toEqual([result]);
    expect(result).toMatchObject({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, baseOffset: -1 });
  }
  const unknown = append(world, 1, 'AAAAAAAAAAAAAAAAAAAAAA' as Uuid, 0, 'x');
  world.advance(0);
  expect(unknown.settled).toMatchObject([{ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }]);
  expect(world.partition(1, topic).log.endOffset).toBe(0);
});

test('if the leadership ends before the ISR has the batch, the append settles once, with an error', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  world.broker(1).isolate();
  const { settled } = append(world, 1, topic, 0, 'lost');
  world.advance(4000);
  expect(settled).toEqual([]);
  world.broker(1).rejoin();
  world.advance(5000);
  expect(settled).toMatchObject([{ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }]);
});

test('under min ISR, the leader refuses an append before it writes the batch', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL, { 'min.insync.replicas': '3' });
  world.advance(20);
  world.broker(3).kill();
  world.advance(8000);
  const { result, settled } = append(world, 1, topic, world.partition(1, topic).leaderEpoch, 'x');
  expect(result.errorCode).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
  world.advance(0);
  expect(settled).toEqual([result]);
});

test('a listener that stops watching gets no further call, even if it stops within a call', () => {
  const world = new World().start();
  for (const name of ['a', 'b', 'c']) world.controller.createTopic(name, ALL);
  world.advance(20);
  const heard: string[] = [];
  const stop = world.broker(1).manager.coordination.leaderships.watch({
    began({ topic }) {
      heard.push(topic);
      stop();
    },
    ended() {},
  });
  world.advance(1000);
  expect(heard).toHaveLength(1);
});

interface ReadBack {
  readonly slices: number[];
  readonly outcomes: [ErrorCode, number][];
  readonly offsets: number[];
  readonly cancel: () => void;
}

function readBack(world: World, topicId: Uuid, fromOffset: number, leaderEpoch = 0): ReadBack {
  const [slices, offsets, outcomes]: [number[], number[], [ErrorCode, number][]] = [[], [], []];
  const batches = (bytes: Uint8Array) => {
    slices.push(bytes.length);
    for (let position = 0; position < bytes.length; ) {
      const { sizeBytes, baseOffset } = readBatchHeader(bytes, position);
      offsets.push(baseOffset);
      position += sizeBytes;
    }
  };
  const done = (errorCode: ErrorCode, endOffset: number) => outcomes.push([errorCode, endOffset]);
  const { coordination } = world.broker(1).manager;
  const cancel = coordination.read(topicId, 0, { fromOffset, leaderEpoch, batches, done });
  return { slices, offsets, outcomes, cancel };
}

/** Appends twenty batches of 100 KiB. One slice of a read has two of them. */
function filled(): { world: World; topic: Uuid } {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  for (let i = 0; i < 20; i++) {
    const records = batchOf(new Uint8Array(100 << 10).fill(i));
    const { coordination } = world.broker(1).manager;
    coordination.append({ topicId: topic, index: 0, leaderEpoch: 0, records }, () => {});
  }
  return { world, topic };
}

test('a read returns every batch in order, one slice per turn, including uncommitted batches', () => {
  const { world, topic } = filled();
  const read = readBack(world, topic, 3);
  expect(read.slices).toEqual([]);
  // The broker reads one slice per millisecond, and other events run in between.
  for (let turn = 1; turn <= 3; turn++) {
    world.advance(1);
    expect(read.slices).toHaveLength(turn);
  }
  world.advance(100);
  expect(read.offsets).toEqual(Array.from({ length: 17 }, (_, i) => i + 3));
  expect(read.outcomes).toEqual([[ErrorCode.NONE, 20]]);
  expect(read.slices.length).toBeGreaterThan(5);
  for (const sizeBytes of read.slices) expect(sizeBytes).toBeLessThanOrEqual(256 << 10);
});

test('the readings of all partitions share a limit of bytes per turn, and end in the order of their start', () => {
  const world = new World().start();
  const partitions = 50;
  const topic = world.controller.createTopic(
    'events',
    Array.from({ length: partitions }, () => [1]),
  );
  world.advance(20);
  const { coordination } = world.broker(1).manager;
  const ended: number[] = [];
  let bytesOfTurn = 0;
  for (let index = 0; index < partitions; index++) {
    // Every second partition is empty. Some others have a batch that is larger than the limit of a turn.
    const sizes = index % 2 === 0 ? [] : [300, 50 << 10, index % 5 === 0 ? 400 << 10 : 90 << 10, 300];
    for (const size of sizes) {
      const records = batchOf(new Uint8Array(size));
      coordination.append({ topicId: topic, index, leaderEpoch: 0, records }, () => {});
    }
    coordination.read(topic, index, {
      fromOffset: 0,
      leaderEpoch: 0,
      batches: (bytes) => {
        bytesOfTurn += bytes.length;
      },
      done: (errorCode, endOffset) => {
        expect([errorCode, endOffset]).toEqual([ErrorCode.NONE, sizes.length]);
        ended.push(index);
      },
    });
  }
  const turns: number[] = [];
  const endings: number[] = [];
  while (ended.length < partitions && turns.length < 1000) {
    bytesOfTurn = 0;
    const before = ended.length;
    world.advance(1);
    turns.push(bytesOfTurn);
    endings.push(ended.length - before);
  }
  expect(ended).toEqual(Array.from({ length: partitions }, (_, index) => index));
  // One batch of 400 KiB takes a turn of its own.
  const large = turns.filter((bytes) => bytes > 256 << 10);
  expect(large).toHaveLength(5);
  expect(Math.max(...large)).toBeLessThan(401 << 10);
  expect(Math.max(...endings)).toBeLessThan(33);
});

test('the readings of many empty partitions take several turns, and a reading never ends in the turn in which it begins', () => {
  const world = new World().start();
  const topic = world.controller.createTopic(
    'events',
    Array.from({ length: 50 }, () => [1]),
  );
  world.advance(20);
  const { coordination } = world.broker(1).manager;
  const ended: number[] = [];
  const read = (index: number, done: () => void) =>
    coordination.read(topic, index, { fromOffset: 0, leaderEpoch: 0, batches: () => {}, done });
  for (let index = 0; index < 50; index++)
    read(index, () => {
      ended.push(index);
      if (index === 49) read(49, () => ended.push(50));
    });
  const turns = [1, 1, 1].map(() => {
    const before = ended.length;
    world.advance(1);
    return ended.length - before;
  });
  expect(turns).toEqual([33, 17, 1]);
});

test('a read ends when it is stopped, when the leadership ends, and when its offset lies outside of the log', () => {
  const { world, topic } = filled();
  const stopped = readBack(world, topic, 0);
  stopped.cancel();
  const stale = readBack(world, topic, 0, 5);
  const beyond = readBack(world, topic, 21);
  const atEnd = readBack(world, topic, 20);
  world.advance(100);
  const ended = readBack(world, topic, 0);
  world.advance(2);
  expect(ended.slices).toHaveLength(2);
  const readTo = ended.offsets.at(-1)! + 1;
  world.partition(1, topic).dropRole();
  world.advance(100);
  expect([stopped.outcomes, stopped.slices]).toEqual([[], []]);
  expect(stale.outcomes).toEqual([[ErrorCode.NOT_LEADER_OR_FOLLOWER, 0]]);
  expect(beyond.outcomes).toEqual([[ErrorCode.OFFSET_OUT_OF_RANGE, 21]]);
  expect(atEnd.outcomes).toEqual([[ErrorCode.NONE, 20]]);
  expect(ended.outcomes).toEqual([[ErrorCode.NOT_LEADER_OR_FOLLOWER, readTo]]);
});

test('a read that is stopped from inside a slice reads no more, and its buffers are used again', () => {
  const { world, topic } = filled();
  const { coordination } = world.broker(1).manager;
  const outcomes: ErrorCode[] = [];
  let slices = 0;
  const stop = coordination.read(topic, 0, {
    fromOffset: 0,
    leaderEpoch: 0,
    batches: () => {
      slices++;
      stop();
    },
    done: (errorCode) => outcomes.push(errorCode),
  });
  world.advance(100);
  expect([slices, outcomes]).toEqual([1, []]);
  const { spares } = world.broker(1).directory!;
  const given = vi.spyOn(spares, 'give');
  const taken = vi.spyOn(spares, 'take');
  readBack(world, topic, 0);
  world.advance(100);
  expect(taken.mock.calls.length).toBeGreaterThan(5);
  expect(given.mock.calls.length).toBe(taken.mock.calls.length);
});

// ------------------------------------------------------------------ commits, bounds and refusals

function whenCommitted(world: World, id: number, topicId: Uuid, leaderEpoch: number, offset: number) {
  const settled: ErrorCode[] = [];
  const { coordination } = world.broker(id).manager;
  coordination.whenCommitted(topicId, 0, leaderEpoch, offset, (errorCode) => settled.push(errorCode));
  return settled;
}

test('whenCommitted settles at the end of the turn in which the high watermark passes the offset', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  append(world, 1, topic, 0, 'one');
  append(world, 1, topic, 0, 'two');
  const [atStart, both] = [0, 2].map((offset) => whenCommitted(world, 1, topic, 0, offset));
  expect([atStart, both]).toEqual([[], []]);
  world.advance(0);
  expect([atStart, both]).toEqual([[ErrorCode.NONE], []]);
  world.advance(1000);
  expect([atStart, both]).toEqual([[ErrorCode.NONE], [ErrorCode.NONE]]);
});

test('whenCommitted fails in another leader epoch, and when the leadership ends', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  const stale = whenCommitted(world, 1, topic, 3, 0);
  world.advance(0);
  expect(stale).toEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER]);
  world.broker(1).isolate();
  append(world, 1, topic, 0, 'lost');
  const waits = whenCommitted(world, 1, topic, 0, 1);
  world.advance(4000);
  expect(waits).toEqual([]);
  world.broker(1).rejoin();
  world.advance(5000);
  expect(waits).toEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER]);
});

test('whenCommitted waits for the lease, too', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  const { coordination } = world.broker(1).manager;
  expect(coordination.holdsLease()).toBe(true);
  world.broker(1).cutController();
  world.advance(3001);
  expect(coordination.holdsLease()).toBe(false);
  const waits = whenCommitted(world, 1, topic, 0, 0);
  world.advance(0);
  expect(waits).toEqual([]);
});

test('mayAppend refuses another leader epoch, and a partition under min ISR', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL, { 'min.insync.replicas': '3' });
  world.advance(20);
  const { coordination } = world.broker(1).manager;
  expect(coordination.mayAppend(topic, 0, 0)).toBe(ErrorCode.NONE);
  expect(coordination.mayAppend(topic, 0, 1)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  expect(coordination.mayAppend(topic, 7, 0)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  world.broker(3).kill();
  world.advance(8000);
  const { leaderEpoch } = world.partition(1, topic);
  expect(coordination.mayAppend(topic, 0, leaderEpoch)).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
});

test('the bounds are the log start, and the smaller one of max.message.bytes and segment.bytes', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL, { 'max.message.bytes': '5000' });
  const small = world.controller.createTopic('small', ALL, { 'segment.bytes': '2000' });
  world.advance(20);
  const { coordination } = world.broker(1).manager;
  expect(coordination.bounds(topic, 0, 0)).toEqual({ startOffset: 0, batchBytesMax: 5000 });
  expect(coordination.bounds(small, 0, 0)).toEqual({ startOffset: 0, batchBytesMax: 2000 });
  expect(coordination.bounds(topic, 0, 1)).toBeUndefined();
});

test('a leader whose coordinator finds a corrupt batch asks to resign', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  const { coordination } = world.broker(1).manager;
  coordination.foundCorrupt(topic, 0, 4, 'of another epoch');
  expect(world.partition(1, topic).corruption.reason).toBeUndefined();
  coordination.foundCorrupt(topic, 0, 0, 'the checksum is wrong');
  world.advance(2000);
  expect(world.controller.image.partition(topic, 0)!.leader).toBe(2);
});
