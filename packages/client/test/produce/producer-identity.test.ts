/**
 * Goal: sequences have no gap, and after a reset of the identity no batch continues the earlier sequences.
 */
import { ManualClock } from '@millrace/base/testing';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { type BrokerConnection, ProducerIdentity } from '../../src/index.ts';

type Answer = { errorCode: number; producerId: number; producerEpoch: number } | undefined;

function identityOf({ bumpsEpoch = true } = {}) {
  const clock = new ManualClock();
  const asked: ((answer: Answer) => void)[] = [];
  let isReachable = true;
  let changes = 0;
  const request = (_api: unknown, _version: number, _input: unknown, done: (answer: Answer) => void) =>
    asked.push(done);
  const connection = { request } as unknown as BrokerConnection;
  const identity = new ProducerIdentity({
    clock,
    cluster: { anyConnection: () => (isReachable ? connection : undefined) },
    bumpsEpoch,
    version: 4,
    changed: () => changes++,
  });
  const gets = (producerId: number, producerEpoch = 0, errorCode: number = ErrorCode.NONE) =>
    asked.shift()!({ errorCode, producerId, producerEpoch });
  const reachable = (value: boolean) => {
    isReachable = value;
  };
  return { clock, asked, identity, gets, reachable, changes: () => changes };
}

test('the producer asks for an id once, and counts the records of each partition', () => {
  const { identity, asked, gets, changes } = identityOf();
  expect([identity.isUsable, identity.isUsable, asked.length]).toEqual([false, false, 1]);
  gets(7, 3);
  expect([identity.isUsable, changes()]).toEqual([true, 1]);
  expect(identity.next('a-0', 5)).toEqual({ producerId: 7, epoch: 3, sequence: 0 });
  expect(identity.next('a-0', 1)).toEqual({ producerId: 7, epoch: 3, sequence: 5 });
  expect(identity.next('a-1', 1)).toEqual({ producerId: 7, epoch: 3, sequence: 0 });
});

test('after the largest int32 comes sequence 0', () => {
  const { identity, gets } = identityOf();
  expect(identity.isUsable).toBe(false);
  gets(7);
  identity.next('a-0', 0x7fffffff);
  expect([identity.next('a-0', 2).sequence, identity.next('a-0', 1).sequence]).toEqual([0x7fffffff, 1]);
});

test('a refusal, a lost answer and no broker: the producer asks again after a pause', () => {
  const { identity, asked, clock, gets, reachable } = identityOf();
  expect(identity.isUsable).toBe(false);
  gets(-1, -1, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
  expect([identity.isUsable, asked.length]).toEqual([false, 0]);
  clock.advance(100);
  expect([identity.isUsable, asked.length]).toEqual([false, 1]);
  asked.shift()!(undefined);
  clock.advance(100);
  reachable(false);
  expect([identity.isUsable, asked.length]).toEqual([false, 0]);
  reachable(true);
  clock.advance(100);
  expect([identity.isUsable, asked.length]).toEqual([false, 1]);
});

test('after a reset the identity is unusable until restart, which takes the next epoch', () => {
  const { identity, gets } = identityOf();
  expect(identity.isUsable).toBe(false);
  gets(7, 3);
  identity.next('a-0', 5);
  identity.reset();
  expect(identity.isUsable).toBe(false);
  identity.restart();
  expect(identity.isUsable).toBe(true);
  expect(identity.next('a-0', 1)).toEqual({ producerId: 7, epoch: 4, sequence: 0 });
});

test('a producer like librdkafka, and one whose epochs are used up, take a new id', () => {
  for (const [bumpsEpoch, epoch] of [
    [false, 3],
    [true, 32_000],
  ] as const) {
    const { identity, asked, gets } = identityOf({ bumpsEpoch });
    expect(identity.isUsable).toBe(false);
    gets(7, epoch);
    identity.reset();
    identity.restart();
    expect([identity.isUsable, asked.length]).toEqual([false, 1]);
    gets(8);
    expect(identity.next('a-0', 1)).toEqual({ producerId: 8, epoch: 0, sequence: 0 });
  }
});
