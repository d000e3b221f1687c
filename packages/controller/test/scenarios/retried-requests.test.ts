/**
 * Goal: a client gets the result of its own request, also when the broker retried it, and a late copy of the
 * request changes nothing. Method: transcripts on a quorum played by hand.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { MetadataImage } from '@millrace/metadata';
import { type CreatePartitionsResponse, type DeleteTopicsResponse, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { type Answer, Harness, pendingAnswer, resolve, uuid } from '../support/harness.ts';

const requestId = uuid(5000);
const topics = [
  { name: 'a', partitions: 2 },
  { name: 'b', partitions: 1 },
];

describe('a retried CreateTopics', () => {
  test('gets the answer of its first copy, also from the next controller', () => {
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

  test("gets TOPIC_ALREADY_EXISTS for another request's topic", () => {
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

const OWN = uuid(900);
const OTHER = uuid(901);

function create(h: Harness, requestId: Uuid, ...names: string[]) {
  return h.createTopics(
    names.map((name) => ({ name, partitions: 2, replicas: 2 })),
    { requestId },
  );
}

function deleteTopics(h: Harness, requestId: Uuid, target: { name?: string; topicId?: Uuid }) {
  const answer: Answer<DeleteTopicsResponse> = pendingAnswer();
  const topics = [{ name: target.name ?? null, topicId: target.topicId ?? ZERO_UUID }];
  const info = { version: 6, clientId: null, requestId };
  h.active.deleteTopics({ topics, topicNames: [], timeoutMs: 5000 }, info, h.now, (response) =>
    resolve(answer, response),
  );
  return answer;
}

function grow(h: Harness, requestId: Uuid, name: string, count: number) {
  const answer: Answer<CreatePartitionsResponse> = pendingAnswer();
  const topics = [{ name, count, assignments: null }];
  const info = { version: 3, clientId: null, requestId };
  h.active.createPartitions({ topics, timeoutMs: 5000, validateOnly: false }, info, h.now, (response) =>
    resolve(answer, response),
  );
  return answer;
}

const codes = (answer: { value: { topics: { errorCode: number }[] } | undefined }) =>
  answer.value?.topics.map(({ errorCode }) => errorCode);

describe('CreateTopics sent again', () => {
  test('creates the topics that its first copy lost at a failover between two batches', () => {
    const h = new Harness({ batchBytes: 1 }, [1, 2, 3]);
    create(h, OWN, 'a', 'b');
    h.commitFirst();
    h.loseLeadership();
    const again = create(h, OWN, 'a', 'b');
    h.commit();
    expect(codes(again)).toEqual([0, 0]);
    expect(h.active.image.topicNames).toEqual(['a', 'b']);
  });

  test('does not bring back a topic that was deleted meanwhile', () => {
    const h = new Harness({}, [1, 2, 3]);
    create(h, OWN, 'a');
    h.commit();
    deleteTopics(h, OTHER, { name: 'a' });
    h.commit();
    expect(codes(create(h, OWN, 'a'))).toEqual([0]);
    expect(h.active.head.topicCount).toBe(0);
  });

  test('as a dry run creates nothing and is checked again', () => {
    const h = new Harness({}, [1, 2, 3]);
    const dry = () => h.createTopics([{ name: 'a' }], { requestId: OWN, validateOnly: true });
    expect([codes(dry()), codes(dry())]).toEqual([[0], [0]]);
    expect(h.active.head.topicCount).toBe(0);
  });
});

describe('DeleteTopics sent again', () => {
  test.each(['name', 'topicId'] as const)('by %s gets the answer of its first copy', (by) => {
    const h = new Harness({}, [1, 2, 3]);
    create(h, uuid(1), 'a');
    h.commit();
    const target = by === 'name' ? { name: 'a' } : { topicId: h.topicId('a') };
    const first = deleteTopics(h, OWN, target);
    h.commit();
    const again = deleteTopics(h, OWN, target);
    expect(again.value).toEqual(first.value);
    expect(again.value?.responses[0]).toMatchObject({ name: 'a', errorCode: 0 });
    expect(deleteTopics(h, OTHER, target).value?.responses[0]?.errorCode).toBe(
      by === 'name' ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.UNKNOWN_TOPIC_ID,
    );
  });

  test('does not delete a topic that was created under the same name meanwhile', () => {
    const h = new Harness({}, [1, 2, 3]);
    create(h, uuid(1), 'a');
    h.commit();
    deleteTopics(h, OWN, { name: 'a' });
    h.commit();
    create(h, uuid(2), 'a');
    h.commit();
    expect(deleteTopics(h, OWN, { name: 'a' }).value?.responses[0]?.errorCode).toBe(0);
    expect(h.active.head.topicNames).toEqual(['a']);
  });
});

describe('CreatePartitions sent again', () => {
  test('gets the answer of its first copy, and adds nothing', () => {
    const h = new Harness({}, [1, 2, 3]);
    create(h, uuid(1), 'a');
    h.commit();
    const first = grow(h, OWN, 'a', 4);
    h.commit();
    const again = grow(h, OWN, 'a', 4);
    expect(first.value?.results[0]?.errorCode).toBe(0);
    expect(again.value).toEqual(first.value);
    expect(grow(h, OTHER, 'a', 4).value?.results[0]?.errorCode).toBe(ErrorCode.INVALID_PARTITIONS);
    expect(h.active.head.topic('a')?.partitions.length).toBe(4);
  });
});

test('the controller remembers the changes of the latest requests, up to a limit', () => {
  let { carriedOut } = MetadataImage.EMPTY;
  for (let n = 0; n < 100_000; n++) {
    carriedOut = carriedOut.withGrown(uuid(n), { name: 'a', topicId: uuid(1) });
    if (n % 1000 === 0) expect(carriedOut.find(uuid(Math.max(0, n - 19_999)), 'a')).toBeDefined();
  }
  expect(carriedOut.size).toBeLessThanOrEqual(40_000);
});
