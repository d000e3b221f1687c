/** Single calls to the active controller: forwarded requests, ISR changes, blocks of producer ids. */
import { ManualClock, MemoryLogger } from '@millrace/base/testing';
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { AlterPartitionSender } from '../../src/control/alter-partition-sender.ts';
import { ControllerChannel } from '../../src/control/controller-channel.ts';
import { ControllerLocator } from '../../src/control/controller-locator.ts';
import { FORWARDED_BYTES_MAX, forwardOver } from '../../src/control/forwarding.ts';
import { ProducerIdBlocks } from '../../src/control/producer-id-blocks.ts';
import type { ForwardedResponse } from '../../src/handler.ts';
import { TestControllers } from '../support/controllers.ts';

function setUp() {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const controllers = new TestControllers(clock);
  const locator = new ControllerLocator(controllers.addresses, controllers.hub.endpoint('broker-1'));
  const channel = new ControllerChannel({ locator, clock, logger });
  const answers: (ForwardedResponse & { at: number })[] = [];
  const forward = (timeoutMs: number, body = new Uint8Array([1, 2, 3])) =>
    forwardOver(channel, clock)({ apiKey: 19, apiVersion: 7, clientId: 'c', body, timeoutMs }, (response) =>
      answers.push({ ...response, body: new Uint8Array(response.body), at: clock.monotonicMs() }),
    );
  return { clock, logger, controllers, locator, channel, forward, answers };
}

describe('forwarding', () => {
  test('the active controller answers', () => {
    const { clock, forward, answers } = setUp();
    forward(1000);
    clock.advance(10);
    expect(answers).toEqual([{ errorCode: 0, body: new Uint8Array([1, 2, 3]), at: 2 }]);
  });

  test('the broker refuses a request too large for a message at once, and asks no controller', () => {
    const { clock, controllers, forward, answers } = setUp();
    for (const id of [101, 102, 103]) controllers.kill(id);
    forward(1000, new Uint8Array(FORWARDED_BYTES_MAX + 1));
    clock.advance(1);
    expect(answers).toEqual([{ errorCode: ErrorCode.POLICY_VIOLATION, body: new Uint8Array(0), at: 0 }]);
  });

  test('NOT_CONTROLLER and dead controllers: the broker asks the others', () => {
    const { clock, controllers, forward, answers } = setUp();
    controllers.active = 102;
    controllers.kill(101);
    forward(1000);
    clock.advance(100);
    expect(answers).toMatchObject([{ errorCode: 0 }]);
    expect(controllers.story().filter((line) => line.includes('controller.forward'))).toEqual([
      '1 controller.forward to 100',
      expect.stringContaining('controller.forward to 102'),
    ]);
  });

  test("no active controller for a while: the broker retries until there is one, within the request's timeout", () => {
    const { clock, controllers, forward, answers } = setUp();
    controllers.active = undefined;
    forward(5000);
    clock.advance(1500);
    expect(answers).toEqual([]);
    controllers.active = 101;
    clock.advance(1000);
    expect(answers).toMatchObject([{ errorCode: 0 }]);
  });

  test('the caller gets REQUEST_TIMED_OUT when the timeout is over, neither earlier nor much later', () => {
    const { clock, controllers, forward, answers } = setUp();
    controllers.active = undefined;
    forward(700);
    controllers.frozen.add(102);
    clock.advance(10_000);
    expect(answers).toMatchObject([{ errorCode: ErrorCode.REQUEST_TIMED_OUT, at: 700 }]);
  });

  test('a call to a frozen controller moves to another one as soon as the broker learns that the other one leads', () => {
    const { clock, controllers, locator, forward, answers } = setUp();
    controllers.frozen.add(100);
    forward(30_000);
    clock.advance(800);
    controllers.active = 101;
    locator.leaderKnown(101);
    clock.advance(5);
    expect(answers).toMatchObject([{ errorCode: 0, at: 802 }]);
    controllers.frozen.clear();
    clock.advance(40_000);
    expect(answers.length).toBe(1);
  });

  test('the broker asks a slow controller only once', () => {
    const { clock, controllers, forward, answers } = setUp();
    controllers.frozen.add(100);
    forward(30_000);
    clock.advance(20_000);
    expect(controllers.story().filter((line) => line.includes('controller.forward'))).toHaveLength(1);
    expect(answers).toEqual([]);
  });

  test('after close every call ends without an answer', () => {
    const { clock, controllers, channel, forward, answers } = setUp();
    controllers.frozen.add(100);
    forward(30_000);
    clock.advance(10);
    channel.close();
    forward(30_000);
    clock.advance(10);
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([7, 7]);
  });
});

describe('ISR changes', () => {
  const item = (partition: number) => ({
    topicId: 'AAAAAAAAAAAAAAAAAAAAZA',
    partition,
    leaderEpoch: 3,
    partitionEpoch: 4,
    storageFailed: false,
    isr: [{ brokerId: 1, brokerEpoch: 10 }],
  });
  const request = (partitions: number[], brokerEpoch = 10) => ({
    brokerId: 1,
    brokerEpoch,
    partitions: partitions.map(item),
  });

  test('changes of one turn share a request; later changes wait for the next request; each caller gets its part of the answer', () => {
    const { clock, controllers, channel } = setUp();
    const sender = new AlterPartitionSender(channel, clock);
    const got: string[] = [];
    const ask = (name: string, partitions: number[]) =>
      sender.send(request(partitions), (response) =>
        got.push(
          `${name}: ${response?.partitions.map(({ partition, partitionEpoch }) => `${partition}@${partitionEpoch}`)}`,
        ),
      );
    const sizes: number[] = [];
    const answer = controllers.alterPartition;
    controllers.alterPartition = (asked) => {
      sizes.push(asked.partitions.length);
      return answer(asked);
    };
    ask('a', [0, 1]);
    ask('b', [5]);
    clock.settle();
    ask('c', [7]);
    ask('d', [8]);
    clock.advance(10);
    expect(sizes).toEqual([3, 2]);
    expect(got).toEqual(['a: 0@5,1@5', 'b: 5@5', 'c: 7@5', 'd: 8@5']);
  });

  test('every caller gets an error of the whole request; changes with another broker epoch go in a separate request', () => {
    const { clock, controllers, channel } = setUp();
    const sender = new AlterPartitionSender(channel, clock);
    const answer = controllers.alterPartition;
    controllers.alterPartition = (asked) =>
      asked.brokerEpoch === 10 ? { errorCode: ErrorCode.STALE_BROKER_EPOCH, partitions: [] } : answer(asked);
    const codes: unknown[] = [];
    sender.send(request([0]), (response) => codes.push(response?.errorCode));
    sender.send(request([1], 11), (response) => codes.push(response?.errorCode));
    sender.send(request([2]), (response) => codes.push(response?.errorCode));
    clock.advance(20);
    expect(codes).toEqual([77, 77, 0]);
  });

  test('no answer: the caller gets undefined, and the next request goes out', () => {
    const { clock, controllers, channel } = setUp();
    const sender = new AlterPartitionSender(channel, clock);
    for (const id of [100, 101, 102]) controllers.frozen.add(id);
    const got: unknown[] = [];
    sender.send(request([0]), (response) => got.push(response));
    clock.advance(5_100);
    expect(got).toEqual([undefined]);
    controllers.frozen.clear();
    sender.send(request([1]), (response) => got.push(response?.errorCode));
    clock.advance(6_000);
    expect(got).toEqual([undefined, 0]);
  });
});

describe('producer ids', () => {
  function blocks(o: { epoch?: number } = {}) {
    const test = setUp();
    const { channel, logger } = test;
    const ids = new ProducerIdBlocks({ brokerId: 1, brokerEpoch: () => o.epoch ?? 10, channel, logger });
    const given: number[] = [];
    const errors: number[] = [];
    const take = () =>
      ids.next(({ errorCode, producerId }) =>
        errorCode === 0 ? given.push(producerId) : errors.push(errorCode),
      );
    return { ...test, ids, given, errors, take };
  }

  test('the broker gives out each producer id once, and gets the next block before it has used up the current one', () => {
    const { clock, controllers, given, take } = blocks();
    take();
    expect(given).toEqual([]);
    clock.advance(10);
    expect(given).toEqual([0]);
    controllers.nextProducerId = 7000;
    for (let i = 0; i < 1500; i++) {
      take();
      clock.advance(i % 100 === 0 ? 10 : 0);
      expect(given.length).toBe(i + 2);
    }
    expect(new Set(given).size).toBe(1501);
    expect(given.slice(998, 1003)).toEqual([998, 999, 7000, 7001, 7002]);
    expect(controllers.story().length).toBe(2);
  });

  test('more producers wait than a block has ids: each gets an id, from several blocks', () => {
    const { clock, given, errors, take } = blocks();
    for (let i = 0; i < 2500; i++) take();
    clock.advance(100);
    expect(new Set(given).size).toBe(2500);
    expect(errors).toEqual([]);
  });

  test('no controller, or no registration: the producer must retry', () => {
    const without = blocks();
    for (const id of [100, 101, 102]) without.controllers.frozen.add(id);
    without.take();
    without.clock.advance(6_000);
    expect(without.errors).toEqual([ErrorCode.COORDINATOR_LOAD_IN_PROGRESS]);
    const early = blocks({ epoch: -1 });
    early.take();
    expect(early.errors).toEqual([14]);
  });
});
