/**
 * Tests a broker's membership with transcripts of the requests that the controllers get, and of their
 * answers. The test plays the controllers. Each message takes 1 ms to its receiver.
 */

import type { Uuid } from '@millrace/base';
import { ManualClock, MemoryLogger } from '@millrace/base/testing';
import { ErrorCode } from '@millrace/protocol';
import type { BrokerLease } from '@millrace/replication';
import { describe, expect, test } from 'vitest';
import { ControllerLocator } from '../../src/control/controller-locator.ts';
import { BrokerLifecycle } from '../../src/control/lifecycle.ts';
import { CLUSTER_ID } from '../support/broker.ts';
import { TestControllers } from '../support/controllers.ts';
import { lifecycleConfig } from '../support/settings.ts';

function setUp(o: { previousBrokerEpoch?: number } = {}) {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const controllers = new TestControllers(clock);
  const locator = new ControllerLocator(controllers.addresses, controllers.hub.endpoint('broker-1'));
  const leases: BrokerLease[] = [];
  const told: string[] = [];
  const state = { offset: 20, ready: true };
  const lifecycle = new BrokerLifecycle({
    brokerId: 1,
    incarnationId: 'SW5jYXJuYXRpb25JZDAxMQ' as Uuid,
    listeners: [{ name: 'PLAINTEXT', host: 'broker-1', port: 9092 }],
    logDirs: [],
    previousBrokerEpoch: o.previousBrokerEpoch ?? -1,
    locator,
    clock,
    logger,
    config: lifecycleConfig,
    clusterId: () => CLUSTER_ID,
    metadataOffset: () => state.offset,
    readyToServe: () => state.ready,
    setLease: (lease) => leases.push(lease),
    events: {
      registered: (epoch) => told.push(`registered ${epoch}`),
      unfenced: () => told.push('unfenced'),
      fenced: () => told.push('fenced'),
      registrationRefused: (message) => told.push(`refused: ${message}`),
    },
  });
  const lease = () => leases.at(-1)!;
  return { clock, logger, controllers, locator, lifecycle, leases, told, state, lease };
}

/** A broker that is started, registered and serving; its transcript so far is dropped. */
function serving() {
  const broker = setUp();
  broker.lifecycle.start();
  broker.clock.advance(100);
  expect(broker.told).toEqual(['registered 10', 'unfenced']);
  broker.controllers.story();
  return broker;
}

describe('joining', () => {
  test('the broker registers, sends a heartbeat at once and then at each interval, on one stream', () => {
    const { clock, lifecycle, controllers } = setUp({ previousBrokerEpoch: 7 });
    lifecycle.start();
    clock.advance(1100);
    expect(controllers.story()).toEqual([
      '1 stream to 100',
      '1 register at 100, previous epoch 7: error 0, epoch 10',
      '3 heartbeat at 100, epoch 10, offset 20: serving',
      '503 heartbeat at 100, epoch 10, offset 20: serving',
      '1003 heartbeat at 100, epoch 10, offset 20: serving',
    ]);
    expect(lifecycle.brokerEpoch).toBe(10);
  });

  test('the broker finds the active controller by the hint of another one, or by asking each in turn', () => {
    const hinted = setUp();
    hinted.controllers.active = 102;
    hinted.lifecycle.start();
    hinted.clock.advance(20);
    expect(hinted.controllers.story()).toEqual([
      '1 stream to 100',
      '1 100 is not the controller, says 102',
      '3 stream to 100 closed',
      '3 stream to 102',
      '3 register at 102, previous epoch -1: error 0, epoch 10',
      '5 heartbeat at 102, epoch 10, offset 20: serving',
    ]);

    const trying = setUp();
    trying.controllers.active = 102;
    trying.controllers.hint = -1;
    trying.controllers.kill(101);
    trying.lifecycle.start();
    trying.clock.advance(100);
    expect(trying.lifecycle.brokerEpoch).toBe(10);
  });

  test('no controller is active yet: the broker asks each in turn, with a backoff, until one is active', () => {
    const { clock, lifecycle, controllers, told } = setUp();
    controllers.active = undefined;
    lifecycle.start();
    clock.advance(2000);
    const asked = controllers.story().filter((line) => line.includes('is not the controller'));
    expect(asked.length).toBeGreaterThan(6);
    expect(asked.length).toBeLessThan(30);
    expect(new Set(asked.map((line) => line.split(' ')[1]))).toEqual(new Set(['100', '101', '102']));
    controllers.active = 101;
    clock.advance(800);
    expect(told).toEqual(['registered 10', 'unfenced']);
  });

  test('two controllers name each other: the broker does not ask them in a tight loop', () => {
    const { clock, lifecycle, controllers } = setUp();
    controllers.active = undefined;
    controllers.hint = 101;
    lifecycle.start();
    clock.advance(1000);
    expect(controllers.story().length).toBeLessThan(60);
  });

  test('the broker asks to stay fenced until it has replayed its own registration, then asks at once to be unfenced', () => {
    const { clock, lifecycle, controllers, state, told } = setUp();
    controllers.heartbeat = ({ wantFence }) => ({ isFenced: wantFence });
    state.offset = 3;
    lifecycle.start();
    clock.advance(50);
    state.offset = 9;
    lifecycle.progressed();
    clock.advance(50);
    expect(told).toEqual(['registered 10']);
    state.offset = 10;
    lifecycle.progressed();
    clock.advance(10);
    expect(controllers.story().slice(2)).toEqual([
      '3 heartbeat at 100, epoch 10, offset 3, wants to be fenced: fenced',
      '101 heartbeat at 100, epoch 10, offset 10: serving',
    ]);
    expect(told).toEqual(['registered 10', 'unfenced']);
  });

  test('the broker does not ask to be unfenced before its host is ready', () => {
    const { clock, lifecycle, controllers, state, told } = setUp();
    controllers.heartbeat = ({ wantFence }) => ({ isFenced: wantFence });
    state.ready = false;
    lifecycle.start();
    clock.advance(2000);
    expect(told).toEqual(['registered 10']);
    state.ready = true;
    lifecycle.progressed();
    clock.advance(5);
    expect(told).toEqual(['registered 10', 'unfenced']);
  });

  test('the broker sends heartbeats more often until the controller unfences it', () => {
    const { clock, lifecycle, controllers } = setUp();
    controllers.heartbeat = () => ({ isFenced: true });
    lifecycle.start();
    clock.advance(500);
    expect(controllers.story().filter((line) => line.includes('fenced')).length).toBeGreaterThan(8);
  });

  test('the controller still has a session of an earlier run: the broker retries until that session ends', () => {
    const { clock, lifecycle, controllers, told, logger } = setUp();
    controllers.register = () => ({ errorCode: ErrorCode.DUPLICATE_BROKER_REGISTRATION });
    lifecycle.start();
    clock.advance(1000);
    expect(told).toEqual([]);
    expect(logger.events.filter(({ event }) => event === 'registration-refused').length).toBe(1);
    controllers.register = () => ({ brokerEpoch: 33 });
    clock.advance(250);
    expect(told).toEqual(['registered 33', 'unfenced']);
  });

  test('the controller refuses a broker of another cluster: the broker tells its host, and stops asking', () => {
    const { clock, lifecycle, controllers, told } = setUp();
    controllers.register = () => ({
      errorCode: ErrorCode.INCONSISTENT_CLUSTER_ID,
      errorMessage: 'this is cluster X',
    });
    lifecycle.start();
    clock.advance(5000);
    expect(told).toEqual(['refused: this is cluster X']);
    expect(controllers.story().filter((line) => line.includes('register')).length).toBe(1);
  });
});

describe('the lease', () => {
  test('counts from the time at which the broker sent the answered heartbeat, not from the answer', () => {
    const { clock, controllers, lease } = serving();
    controllers.hub.latencyMs = 200;
    clock.advance(450);
    const before = lease().validUntilMs;
    clock.advance(400);
    // The broker sent the heartbeat at 502, and got the answer at 902.
    expect(clock.monotonicMs()).toBe(950);
    expect(lease()).toEqual({ brokerEpoch: 10, validUntilMs: 502 + 3000 });
    expect(before).toBeLessThan(lease().validUntilMs);
  });

  test('there is no lease before the first answered heartbeat, or while the broker is fenced', () => {
    const { clock, lifecycle, controllers, leases } = setUp();
    controllers.heartbeat = () => ({ isFenced: true });
    lifecycle.start();
    clock.advance(400);
    expect(leases.length).toBeGreaterThan(2);
    for (const { validUntilMs } of leases) expect(validUntilMs).toBeLessThanOrEqual(clock.monotonicMs());
  });

  test('no controller answers: the lease ends one session after the last answered heartbeat was sent', () => {
    const { clock, controllers, lease } = serving();
    for (const id of [100, 101, 102]) controllers.hub.cut('broker-1', id);
    clock.advance(10_000);
    expect(lease().validUntilMs).toBe(2 + 3000);
  });

  test('a fenced broker drops its lease, tells its host, and serves again once it is unfenced', () => {
    const { clock, controllers, told, lease } = serving();
    controllers.heartbeat = () => ({ isFenced: true });
    clock.advance(500);
    expect(told.at(-1)).toBe('fenced');
    expect(lease().validUntilMs).toBeLessThanOrEqual(clock.monotonicMs());
    controllers.heartbeat = () => ({});
    clock.advance(60);
    expect(told.at(-1)).toBe('unfenced');
    expect(lease().validUntilMs).toBeGreaterThan(clock.monotonicMs() + 2900);
  });

  test('STALE_BROKER_EPOCH: the broker ends its lease at once, and names its last epoch as it registers again', () => {
    const { clock, controllers, told, leases, lifecycle } = serving();
    controllers.heartbeat = ({ brokerEpoch }) =>
      brokerEpoch === 10 ? { errorCode: ErrorCode.STALE_BROKER_EPOCH } : {};
    controllers.register = () => ({ brokerEpoch: 15 });
    const known = leases.length;
    clock.advance(420);
    expect(controllers.story()).toEqual([
      '503 heartbeat at 100, epoch 10, offset 20: error 77',
      '505 register at 100, previous epoch 10: error 0, epoch 15',
      '507 heartbeat at 100, epoch 15, offset 20: serving',
    ]);
    expect(leases[known]).toEqual({ brokerEpoch: 10, validUntilMs: 504 });
    expect(told).toEqual(['registered 10', 'unfenced', 'fenced', 'registered 15', 'unfenced']);
    expect(lifecycle.brokerEpoch).toBe(15);
  });
});

describe('controller failover', () => {
  test('the active controller dies: the next one gets a heartbeat under the same epoch, and the lease never ends', () => {
    const { clock, controllers, told, lease, lifecycle } = serving();
    clock.advance(100);
    controllers.kill(100);
    controllers.active = undefined;
    controllers.hint = -1;
    for (let elapsed = 0; elapsed < 600; elapsed += 10) {
      clock.advance(10);
      expect(lease().validUntilMs).toBeGreaterThan(clock.monotonicMs());
    }
    controllers.active = 102;
    controllers.hint = undefined;
    for (let elapsed = 0; elapsed < 3000; elapsed += 10) {
      clock.advance(10);
      expect(lease().validUntilMs).toBeGreaterThan(clock.monotonicMs());
    }
    const story = controllers.story();
    expect(story.some((line) => line.includes('heartbeat at 102, epoch 10'))).toBe(true);
    expect(story.some((line) => line.includes('register'))).toBe(false);
    expect(told).toEqual(['registered 10', 'unfenced']);
    expect(lifecycle.brokerEpoch).toBe(10);
  });

  test('a stream breaks: the broker opens a new one to the same controller at once', () => {
    const { clock, controllers } = serving();
    clock.advance(100);
    controllers.kill(100);
    controllers.serve(100);
    clock.advance(10);
    expect(controllers.story()).toEqual([
      '200 100 dies',
      '200 stream to 100 closed',
      '201 stream to 100',
      '201 heartbeat at 100, epoch 10, offset 20: serving',
    ]);
  });

  test('the quorum elected another leader: the broker moves to it at once', () => {
    const { clock, controllers, locator } = serving();
    controllers.active = 101;
    locator.leaderKnown(101);
    clock.advance(10);
    expect(controllers.story()).toEqual([
      '101 stream to 100 closed',
      '101 stream to 101',
      '101 heartbeat at 101, epoch 10, offset 20: serving',
    ]);
    locator.leaderKnown(101);
    clock.advance(10);
    expect(controllers.story()).toEqual([]);
  });

  test('the broker leaves a frozen controller before the lease ends, though the other controllers still name the frozen one for a while', () => {
    const { clock, controllers, lease, told } = serving();
    controllers.frozen.add(100);
    controllers.active = undefined;
    controllers.hint = 100;
    clock.advance(2100);
    controllers.active = 101;
    controllers.hint = undefined;
    clock.advance(600);
    expect(controllers.story().some((line) => line.includes('heartbeat at 101, epoch 10'))).toBe(true);
    expect(lease().validUntilMs).toBeGreaterThan(clock.monotonicMs());
    expect(told).toEqual(['registered 10', 'unfenced']);
  });
});

describe('a controller that answers every request late', () => {
  test('gets more time after each stream without an answer, so that the lease continues', () => {
    const { clock, controllers, lease } = serving();
    // More than the first wait of a new stream, and less than the largest wait.
    controllers.lateMs = 900;
    controllers.kill(100);
    controllers.active = 101;
    clock.advance(6000);
    for (let i = 0; i < 20; i++) {
      clock.advance(500);
      expect(lease().validUntilMs).toBeGreaterThan(clock.monotonicMs());
    }
  });
});

describe('the end of a stream', () => {
  test('a live broker announces that it leaves a controller that answers late, or that is no longer active', () => {
    const { clock, controllers, locator } = serving();
    controllers.frozen.add(100);
    clock.advance(2100);
    // The broker sent the heartbeat at 502, and gave up after 1500 ms.
    expect(controllers.left[0]).toBe('2003 100');
    expect(controllers.story()).toContain('2003 stream to 100 closed');
    clock.advance(1000);
    controllers.frozen.delete(100);
    clock.advance(2000);
    controllers.left.length = 0;
    controllers.active = 101;
    locator.leaderKnown(101);
    clock.advance(10);
    expect(controllers.left).toEqual([`${clock.monotonicMs() - 9} 100`]);
  });

  test('a stopping broker does not announce that it leaves: the controller counts it as dead', () => {
    const { clock, controllers, lifecycle } = serving();
    lifecycle.stop();
    clock.advance(10);
    expect(controllers.story()).toEqual(['101 stream to 100 closed']);
    expect(controllers.left).toEqual([]);
  });

  test('a broker that wants to stop and gets no answer does not announce that it leaves: it may stop at any moment', () => {
    const { clock, controllers, lifecycle } = serving();
    lifecycle.beginShutdown(() => {});
    controllers.frozen.add(100);
    clock.advance(2500);
    expect(controllers.story()).toContainEqual(expect.stringMatching(/stream to 100 closed$/));
    expect(controllers.left).toEqual([]);
  });
});

describe('stopping', () => {
  test('a stopping broker asks often to shut down, until the controller allows it', () => {
    const { clock, controllers, lifecycle, told } = serving();
    let moved = false;
    controllers.heartbeat = ({ wantShutDown }) => ({
      isFenced: moved,
      shouldShutDown: wantShutDown && moved,
    });
    const ends: boolean[] = [];
    clock.advance(100);
    lifecycle.beginShutdown((clean) => ends.push(clean));
    clock.advance(105);
    expect(controllers.story()).toEqual([
      '201 heartbeat at 100, epoch 10, offset 20, wants to stop: serving',
      '251 heartbeat at 100, epoch 10, offset 20, wants to stop: serving',
      '301 heartbeat at 100, epoch 10, offset 20, wants to stop: serving',
    ]);
    expect(ends).toEqual([]);
    moved = true;
    clock.advance(60);
    expect(ends).toEqual([true]);
    lifecycle.stop();
    clock.advance(5000);
    expect(controllers.story().at(-1)).toContain('stream to 100 closed');
    expect(told.includes('registered 10')).toBe(true);
    expect(ends).toEqual([true]);
  });

  test('a stopping broker waits for the controller for the configured time at most', () => {
    const { clock, lifecycle } = serving();
    const ends: boolean[] = [];
    lifecycle.beginShutdown((clean) => ends.push(clean));
    clock.advance(9_900);
    expect(ends).toEqual([]);
    clock.advance(200);
    expect(ends).toEqual([false]);
  });

  test('no controller is left (the whole cluster stops): the stopping broker does not wait for one', () => {
    const { clock, controllers, lifecycle } = serving();
    for (const id of [100, 101, 102]) controllers.kill(id);
    clock.advance(100);
    const ends: boolean[] = [];
    lifecycle.beginShutdown((clean) => ends.push(clean));
    clock.advance(1500);
    expect(ends).toEqual([false]);
  });

  test('a broker that never joined stops at once, and a stopped one sends no requests', () => {
    const { clock, controllers, lifecycle } = setUp();
    const ends: boolean[] = [];
    lifecycle.beginShutdown((clean) => ends.push(clean));
    clock.settle();
    expect(ends).toEqual([false]);
    lifecycle.start();
    lifecycle.stop();
    clock.advance(5000);
    // Messages sent before the stop may still arrive.
    expect(controllers.story().filter((line) => Number.parseInt(line, 10) > 1)).toEqual([]);
  });
});
