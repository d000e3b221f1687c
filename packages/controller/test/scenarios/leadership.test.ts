/**
 * Goal: the controller answers only from committed state. Method: commits by hand, lost leaderships,
 * timeouts.
 */
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { Harness, plain } from '../support/harness.ts';

describe('decide, then replay', () => {
  test('answers come in the order of their records, each at its own offset', () => {
    const h = new Harness({}, [1]);
    const a = h.createTopics([{ name: 'a' }]);
    const b = h.createTopics([{ name: 'b' }]);
    h.commitFirst();
    expect(a.value).toBeDefined();
    expect(b.value).toBeUndefined();
    h.commitFirst();
    expect(b.value).toBeDefined();
  });

  test('the committed image never shows uncommitted proposals', () => {
    const h = new Harness({}, [1]);
    h.createTopics([{ name: 'a' }]);
    expect(h.active.image.topicNames).toEqual([]);
    expect(h.active.head.topicNames).toEqual(['a']);
    expect(h.active.image.offset).toBeLessThan(h.active.head.offset);
  });

  test('a request that needs no records waits until the records that it saw are committed', () => {
    const h = new Harness({}, [1]);
    const create = h.createTopics([{ name: 'a' }]);
    const exists = h.createTopics([{ name: 'a' }]);
    expect([create.value, exists.value]).toEqual([undefined, undefined]);
    h.commit();
    expect(exists.value?.topics[0]?.errorCode).toBe(ErrorCode.TOPIC_ALREADY_EXISTS);
  });

  test('every replica of the log comes to the same image', () => {
    const h = new Harness({}, [1, 2, 3]);
    h.topic('t', [1, 2, 3], [2, 3, 1]);
    h.kill(1);
    h.loseLeadership();
    h.addBroker(1, { incarnation: 1 });
    h.alterPartition(2, 't', [2, 3, 1]);
    h.commit();
    expect(plain(h.replayed().image)).toBe(plain(h.active.image));
    expect(h.replayed().image.offset).toBe(h.active.image.offset);
  });
});

describe('lost leadership', () => {
  test('drops uncommitted records and refuses every waiting request, once', () => {
    const h = new Harness({}, [1]);
    const registered = h.register(2);
    const created = h.createTopics([{ name: 'a' }, { name: 'b' }]);
    const before = plain(h.active.image);
    h.loseLeadership();
    expect(registered.value?.errorCode).toBe(ErrorCode.NOT_CONTROLLER);
    expect(created.value?.topics).toMatchObject([
      { name: 'a', errorCode: ErrorCode.NOT_CONTROLLER },
      { name: 'b', errorCode: ErrorCode.NOT_CONTROLLER },
    ]);
    expect(plain(h.active.head)).toBe(before);
    expect(h.standby.head).toBe(h.standby.image);
    expect(h.standby.nextDeadline()).toBeUndefined();
  });

  test('a standby refuses every request and does nothing by itself', () => {
    const h = new Harness({ sessionTimeoutMs: 3000 }, [1]);
    h.topic('t', [1]);
    [h.active, h.standby] = [h.standby, h.active];
    expect(h.register(2).value?.errorCode).toBe(ErrorCode.NOT_CONTROLLER);
    expect(h.heartbeat(1).value?.errorCode).toBe(ErrorCode.NOT_CONTROLLER);
    expect(h.createTopics([{ name: 'a' }]).value?.topics[0]?.errorCode).toBe(ErrorCode.NOT_CONTROLLER);
    expect(h.alterPartition(1, 't', [1]).value?.errorCode).toBe(ErrorCode.NOT_CONTROLLER);
    h.advance(60_000);
    expect(h.pending).toEqual([]);
  });

  test('a proposal that the quorum refuses is answered at once and leaves no trace', () => {
    const h = new Harness({}, [1]);
    const head = h.active.head;
    h.depose();
    const answer = h.createTopics([{ name: 'a' }]);
    expect(answer.value?.topics[0]?.errorCode).toBe(ErrorCode.NOT_CONTROLLER);
    h.advance(3000); // the session of broker 1 ends, and the proposal to fence it is refused
    expect(h.active.head).toBe(head);
  });

  test('the new leader continues from the records that the old one committed', () => {
    const h = new Harness({}, [1, 2]);
    h.topic('t', [1, 2]);
    h.loseLeadership();
    h.kill(1);
    expect(h.show('t')).toBe('leader 2 isr 2 epochs 1/1');
  });
});

describe('timeouts', () => {
  test('a parked request is answered REQUEST_TIMED_OUT in time, and not again', () => {
    const h = new Harness({}, [1]);
    const created = h.createTopics([{ name: 'a' }], { timeoutMs: 200 });
    h.advance(199);
    expect(created.value).toBeUndefined();
    h.advance(1);
    expect(created.value?.topics).toMatchObject([{ name: 'a', errorCode: ErrorCode.REQUEST_TIMED_OUT }]);
    h.commit();
    expect(h.active.image.topicNames).toEqual(['a']);
    expect(created.times).toBe(1);
  });

  test('an answered request leaves no deadline behind', () => {
    const h = new Harness();
    h.createTopics([{ name: 'a' }], { timeoutMs: 200 });
    h.addBroker(1);
    h.createTopics([{ name: 'a' }], { timeoutMs: 200 });
    h.commit();
    expect(h.active.nextDeadline()).toBe(h.now + h.active.config.sessionTimeoutMs);
  });

  test('a request with a timeout of 0, or a negative one, is answered REQUEST_TIMED_OUT at the next tick', () => {
    const h = new Harness({}, [1]);
    const none = h.createTopics([{ name: 'a' }], { timeoutMs: 0 });
    const negative = h.createTopics([{ name: 'b' }], { timeoutMs: -5 });
    h.advance(0);
    for (const answer of [none, negative]) {
      expect(answer.value?.topics[0]?.errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
    }
    h.commit();
  });
});
