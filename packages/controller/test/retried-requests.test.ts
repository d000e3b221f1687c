/** Goal: a client hears of its own topic as created, also when the broker had to ask twice. Method: transcripts on a quorum played by hand. */
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { Harness, uuid } from './harness.ts';

const requestId = uuid(5000);
const topics = [
  { name: 'a', partitions: 2 },
  { name: 'b', partitions: 1 },
];

describe('a retried CreateTopics', () => {
  test('is answered as its first copy, also by the next controller', () => {
    const h = new Harness({}, [1]);
    const first = h.createTopics(topics, { requestId });
    h.commit();
    expect(h.createTopics(topics, { requestId }).value).toEqual(first.value);
    h.loseLeadership();
    expect(h.createTopics(topics, { requestId }).value).toEqual(first.value);
    expect(h.pending).toEqual([]);
  });

  test('waits for the records of its first copy', () => {
    const h = new Harness({}, [1]);
    h.createTopics(topics, { requestId });
    const second = h.createTopics(topics, { requestId });
    expect([h.pending.length, second.value]).toEqual([1, undefined]);
    h.commit();
    expect(second.value?.topics.map(({ errorCode }) => errorCode)).toEqual([0, 0]);
  });

  test("finds another request's topic as existing", () => {
    const h = new Harness({}, [1]);
    h.createTopics(topics, { requestId });
    h.commit();
    const other = h.createTopics(topics, { requestId: uuid(5001) });
    expect(other.value?.topics.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.TOPIC_ALREADY_EXISTS,
      ErrorCode.TOPIC_ALREADY_EXISTS,
    ]);
  });

  test('gives each topic an id of its own', () => {
    const h = new Harness({}, [1]);
    h.createTopics(topics, { requestId });
    h.commit();
    const ids = topics.map(({ name }) => h.active.image.topic(name)!.id);
    expect(new Set(ids).size).toBe(2);
  });
});
