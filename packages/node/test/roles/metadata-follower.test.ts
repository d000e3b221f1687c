/**
 * Goal: the follower publishes costly metadata in several turns, so that the broker can do other work between
 * them. It publishes the image of a snapshot as one change. Method: a clock that advances with the work.
 */
import type { Uuid } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import {
  applyRecords,
  decodeRecord,
  encodeRecord,
  type MetadataDelta,
  MetadataImage,
} from '@millrace/metadata';
import { describe, expect, test } from 'vitest';
import { MetadataFollower } from '../../src/roles/metadata-follower.ts';

/** One topic with one partition in each batch. */
function batches(count: number) {
  return Array.from({ length: count }, (_unused, index) => {
    const topicId = `topic${String(index).padStart(16, '0')}A` as Uuid;
    const state = { replicas: [1], isr: [1], leader: 1, leaderEpoch: 0, partitionEpoch: 0 };
    return {
      baseOffset: 2 * index,
      epoch: 1,
      records: [
        encodeRecord({ type: 'topic', name: `t${index}`, topicId }),
        encodeRecord({ type: 'partition', topicId, partition: 0, ...state }),
      ],
    };
  });
}

test('the follower publishes many new topics in order, a few in each turn', () => {
  const manual = new ManualClock();
  let workMs = 0;
  let turns = 1;
  const clock = {
    monotonicMs: () => manual.monotonicMs() + workMs,
    wallMs: () => manual.wallMs(),
    setTimer: (delayMs: number, callback: () => void) => {
      turns++;
      return manual.setTimer(delayMs, callback);
    },
    soon: (callback: () => void) => manual.soon(callback),
  };
  const published: number[] = [];
  const publish = (delta: MetadataDelta) => {
    published.push(delta.createdTopics.length);
    workMs += delta.createdTopics.length;
  };
  const follower = new MetadataFollower(clock, [{ name: 'worker', publish }]);
  const all = batches(501);
  follower.committed(all.slice(0, 500));
  expect(follower.offset).toBe(99);
  // A batch that arrives meanwhile waits until the earlier batches are published.
  follower.committed(all.slice(500));
  expect(follower.offset).toBe(99);
  manual.advance(1);
  expect(follower.offset).toBe(1001);
  expect(published).toEqual([50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 1]);
  expect(turns).toBe(11);
});

test('the follower publishes quick changes within the call, as one delta', () => {
  const published: number[] = [];
  const publish = (delta: MetadataDelta) => void published.push(delta.image.offset);
  const follower = new MetadataFollower(new ManualClock(), [{ name: 'reader', publish }]);
  follower.committed(batches(20));
  expect(published).toEqual([39]);
});

describe('the image of a snapshot', () => {
  function imageOf(topics: number): MetadataImage {
    const records = batches(topics).flatMap((batch) => batch.records.map(decodeRecord));
    return applyRecords(MetadataImage.EMPTY, { baseOffset: 0, epoch: 1, records }).image;
  }

  function following() {
    const clock = new ManualClock();
    const published: MetadataDelta[] = [];
    const publish = (delta: MetadataDelta) => void published.push(delta);
    return { clock, published, follower: new MetadataFollower(clock, [{ name: 'reader', publish }]) };
  }

  test('is published at once if it is small', () => {
    const { follower, published } = following();
    const image = imageOf(3);
    follower.install(image);
    expect(published.map(({ createdTopics }) => createdTopics.length)).toEqual([3]);
    expect(follower.image).toBe(image);
  });

  test('is published as one change in a later turn if it is large; batches wait for it', () => {
    const { follower, published, clock } = following();
    const image = imageOf(2000);
    follower.install(image);
    follower.committed(batches(2001).slice(2000));
    expect([published.length, follower.offset]).toEqual([0, -1]);
    clock.advance(10);
    expect(published.map(({ createdTopics }) => createdTopics.length)).toEqual([2000, 1]);
    expect(follower.offset).toBe(image.offset + 2);
  });

  test('gives way to a newer one, and not to an older one', () => {
    const { follower, published, clock } = following();
    const [older, newer] = [imageOf(1500), imageOf(2000)];
    follower.install(older);
    follower.install(newer);
    follower.install(older);
    clock.advance(10);
    expect(published.map(({ image }) => image)).toEqual([newer]);
  });

  test('an older one leaves the waiting batches in place', () => {
    const { follower, clock } = following();
    const image = imageOf(2000);
    follower.install(image);
    follower.committed(batches(2001).slice(2000));
    follower.install(imageOf(1500));
    clock.advance(10);
    expect(follower.offset).toBe(image.offset + 2);
  });

  test('is not published after the stop', () => {
    const { follower, published, clock } = following();
    follower.install(imageOf(2000));
    follower.stop();
    clock.advance(10);
    expect(published).toEqual([]);
  });
});
