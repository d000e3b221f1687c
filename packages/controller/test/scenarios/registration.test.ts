/**
 * Goal: the controller registers brokers, distinguishes their incarnations, and unfences them only when they
 * have caught up. Method: transcripts on a quorum played by hand.
 */
import type { Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import type { ControllerConfig } from '../../src/index.ts';
import { Harness, uuid } from '../support/harness.ts';

describe('registration', () => {
  test('is answered when its record is committed, with the offset of that record as the broker epoch', () => {
    const h = new Harness();
    const answer = h.register(1);
    expect(answer.value).toBeUndefined();
    expect(h.active.image.broker(1)).toBeUndefined();
    h.commit();
    expect(answer.value).toEqual({
      errorCode: 0,
      errorMessage: undefined,
      brokerEpoch: h.active.image.offset,
    });
    expect(h.active.image.broker(1)).toMatchObject({ fenced: true, epoch: answer.value!.brokerEpoch });
  });

  test('retried by one process (the response was lost) gives the same epoch, and waits for the same record', () => {
    const h = new Harness();
    const first = h.register(1);
    const second = h.register(1);
    expect(h.pending.length).toBe(1);
    expect(second.value).toBeUndefined();
    h.commit();
    expect(second.value).toEqual(first.value);
    expect(h.register(1).value).toEqual(first.value);
  });

  test('of a second live process with the same id is refused', () => {
    const h = new Harness({}, [1]);
    expect(h.register(1, { incarnation: 1 }).value?.errorCode).toBe(ErrorCode.DUPLICATE_BROKER_REGISTRATION);
    expect(h.heartbeat(1).value).toMatchObject({ errorCode: 0, isFenced: false });
  });

  test.each([
    ['the same', uuid(77)],
    ['another', uuid(78)],
  ])(
    'of a second process is refused by a controller that was paused, and may have unread heartbeats: with %s log directory',
    (_which, logDir) => {
      const h = new Harness({ sessionTimeoutMs: 3000 });
      h.addBroker(1, { logDirs: [uuid(77)] });
      h.now += 60_000; // no tick in between: this process was stopped
      const second = () => h.register(1, { incarnation: 1, logDirs: [logDir] }).value?.errorCode;
      expect(second()).toBe(ErrorCode.DUPLICATE_BROKER_REGISTRATION);
      h.active.tick(h.now);
      expect(second()).toBe(ErrorCode.DUPLICATE_BROKER_REGISTRATION);
      expect(h.heartbeat(1).value).toMatchObject({ errorCode: 0, isFenced: false });
    },
  );

  test('a new incarnation is accepted when the session of the old one is over', () => {
    const h = new Harness({}, [1]);
    const before = h.epochOf(1);
    h.kill(1);
    h.addBroker(1, { incarnation: 1 });
    expect(h.epochOf(1)).toBeGreaterThan(before);
    expect(h.heartbeat(1, { epoch: before }).value?.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH);
  });

  describe('of a new incarnation on a log directory of the earlier one', () => {
    const logDirs: Uuid[] = [uuid(77)];

    /** Broker 1, registered with `logDirs`. */
    function registered(config: Partial<ControllerConfig> = {}): Harness {
      const h = new Harness(config);
      h.addBroker(1, { logDirs });
      return h;
    }

    function endStream(h: Harness): void {
      h.active.sessionLost(1, h.active.image.broker(1)!.incarnationId, h.now);
    }

    test('is accepted as soon as the control stream of the earlier one ended', () => {
      const h = registered();
      endStream(h);
      h.addBroker(1, { incarnation: 1, logDirs });
      expect(h.register(1, { incarnation: 2, logDirs: [uuid(78)] }).value?.errorCode).toBe(
        ErrorCode.DUPLICATE_BROKER_REGISTRATION,
      );
    });

    test('is accepted although the quorum was slow when that stream ended', () => {
      const h = registered();
      h.holdsConfirmations = true;
      h.heartbeat(1);
      h.advance(h.active.config.connectionLossGraceMs);
      endStream(h);
      h.holdsConfirmations = false;
      h.addBroker(1, { incarnation: 1, logDirs });
    });

    test('is refused while that stream is open: the new one may have a copy of the directory', () => {
      const h = registered();
      const refused = h.register(1, { incarnation: 1, logDirs }).value;
      expect(refused).toMatchObject({
        errorCode: ErrorCode.DUPLICATE_BROKER_REGISTRATION,
        errorMessage:
          'broker 1 is alive in another process, which may run on a copy of this log directory, for example a cloned disk',
      });
      expect(h.heartbeat(1).value).toMatchObject({ errorCode: 0, isFenced: false });
    });

    test('is refused again when the earlier one has a new stream', () => {
      const h = registered();
      endStream(h);
      h.heartbeat(1);
      expect(h.register(1, { incarnation: 1, logDirs }).value?.errorCode).toBe(
        ErrorCode.DUPLICATE_BROKER_REGISTRATION,
      );
    });

    test('is accepted when the session of the earlier one ends', () => {
      const h = registered({ sessionTimeoutMs: 3000 });
      h.advance(2999);
      expect(h.register(1, { incarnation: 1, logDirs }).value?.errorCode).toBe(
        ErrorCode.DUPLICATE_BROKER_REGISTRATION,
      );
      h.advance(1);
      h.commit();
      h.addBroker(1, { incarnation: 1, logDirs });
    });

    test('is accepted by a new controller until the earlier one contacts it', () => {
      const restarted = registered();
      restarted.loseLeadership();
      restarted.addBroker(1, { incarnation: 1, logDirs });
      const alive = registered();
      alive.loseLeadership();
      alive.heartbeat(1);
      expect(alive.register(1, { incarnation: 1, logDirs }).value?.errorCode).toBe(
        ErrorCode.DUPLICATE_BROKER_REGISTRATION,
      );
    });

    test('is refused again and again while the earlier one sends heartbeats', () => {
      const h = registered();
      const epoch = h.epochOf(1);
      for (let round = 0; round < 20; round++) {
        h.register(1, { incarnation: 1, logDirs });
        h.advance(200);
        expect(h.heartbeat(1).value).toMatchObject({ errorCode: 0, isFenced: false });
      }
      expect(h.active.image.broker(1)?.epoch).toBe(epoch);
    });
  });

  test('a broker that is shutting down may be replaced before its session ends', () => {
    const h = new Harness({}, [1, 2]);
    h.heartbeat(1, { wantShutDown: true });
    h.commit();
    h.addBroker(1, { incarnation: 1, previousBrokerEpoch: h.epochOf(1) });
  });

  test.each([
    ['of another cluster', { clusterId: 'another' }, ErrorCode.INCONSISTENT_CLUSTER_ID],
    ['without listeners', { listeners: [] }, ErrorCode.INVALID_REGISTRATION],
    [
      'with a listener twice',
      {
        listeners: [
          { name: 'A', host: 'h', port: 1 },
          { name: 'A', host: 'h', port: 2 },
        ],
      },
      ErrorCode.INVALID_REGISTRATION,
    ],
    ['with a bad directory id', { logDirs: ['x' as Uuid] }, ErrorCode.INVALID_REGISTRATION],
  ])('%s is refused and writes nothing', (_what, options, errorCode) => {
    const h = new Harness();
    const answer = h.register(1, options);
    expect(answer.value).toMatchObject({ errorCode, brokerEpoch: -1 });
    expect(h.pending).toEqual([]);
  });

  test('of a broker that does not know the cluster id yet is accepted', () => {
    const h = new Harness();
    const answer = h.register(1, { clusterId: '' });
    h.commit();
    expect(answer.value?.errorCode).toBe(0);
  });

  test('with a negative broker id is refused', () => {
    const h = new Harness();
    expect(h.register(-1).value?.errorCode).toBe(ErrorCode.INVALID_REGISTRATION);
  });
});

describe('unfencing', () => {
  test('waits until the broker has applied its own registration', () => {
    const h = new Harness();
    h.register(1);
    h.commit();
    const behind = h.heartbeat(1, { offset: h.epochOf(1) - 1 });
    expect(behind.value).toEqual({
      errorCode: 0,
      isCaughtUp: false,
      isFenced: true,
      shouldShutDown: false,
      leaseMs: 0,
    });
    const caughtUp = h.heartbeat(1, { offset: h.epochOf(1) });
    expect(caughtUp.value).toBeUndefined();
    h.commit();
    expect(caughtUp.value).toEqual({
      errorCode: 0,
      isCaughtUp: true,
      isFenced: false,
      shouldShutDown: false,
      leaseMs: 2993,
    });
  });

  test('a broker that asks to stay fenced stays fenced', () => {
    const h = new Harness();
    h.register(1);
    h.commit();
    expect(h.heartbeat(1, { wantFence: true }).value).toMatchObject({ isFenced: true });
    expect(h.pending).toEqual([]);
  });

  test('heartbeats between an unfencing and its commit neither repeat it nor report it', () => {
    const h = new Harness();
    h.register(1);
    h.commit();
    h.heartbeat(1);
    expect(h.heartbeat(1).value).toMatchObject({ isFenced: true });
    expect(h.pending.length).toBe(1);
    h.commit();
    expect(h.heartbeat(1).value).toMatchObject({ isFenced: false });
  });

  test('an unknown broker, or one with a wrong epoch, must register', () => {
    const h = new Harness({}, [1]);
    expect(h.heartbeat(2, { epoch: 5 }).value?.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH);
    expect(h.heartbeat(1, { epoch: h.epochOf(1) + 1 }).value?.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH);
  });
});

describe('sessions', () => {
  test('a broker that is silent for the session timeout is fenced; one heartbeat in time prevents that', () => {
    const h = new Harness({ sessionTimeoutMs: 3000 }, [1, 2]);
    h.advance(2999);
    h.heartbeat(2);
    h.advance(1);
    expect(h.pending.length).toBe(1);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(false);
    expect(h.active.image.isAlive(2)).toBe(true);
    expect(h.events).toContain('broker-fenced');
  });

  test('a fenced broker that sends heartbeats again is unfenced under the same epoch', () => {
    const h = new Harness({}, [1]);
    const epoch = h.epochOf(1);
    h.advance(3000);
    h.commit();
    h.heartbeat(1);
    h.commit();
    expect(h.active.image.broker(1)).toMatchObject({ fenced: false, epoch });
  });

  test('a fenced broker is not unfenced before it has applied its fencing: by older metadata it may still lead', () => {
    const h = new Harness({}, [1, 2]);
    const before = h.active.image.offset;
    h.advance(2999);
    h.heartbeat(2);
    h.advance(1);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(false);
    const stale = h.heartbeat(1, { offset: before });
    expect(h.pending).toEqual([]);
    expect(stale.value).toMatchObject({ isCaughtUp: false, isFenced: true });
    // The same holds under the next controller, which does not know when the broker was fenced.
    h.loseLeadership();
    expect(h.heartbeat(1, { offset: before }).value).toMatchObject({ isFenced: true });
    h.heartbeat(1);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(true);
  });

  test('a broker is fenced when the grace after the end of its control stream is over', () => {
    const h = new Harness({ connectionLossGraceMs: 100 }, [1]);
    h.active.sessionLost(1, h.active.image.broker(1)!.incarnationId, h.now);
    h.advance(99);
    expect(h.pending).toEqual([]);
    h.advance(1);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(false);
  });

  test('a broker that comes back within the grace is not fenced', () => {
    const h = new Harness({}, [1]);
    h.active.sessionLost(1, h.active.image.broker(1)!.incarnationId, h.now);
    h.advance(50);
    h.heartbeat(1);
    h.advance(2999);
    expect(h.active.image.isAlive(1)).toBe(true);
  });

  test("the end of an old incarnation's stream does not end the session of the new one", () => {
    const h = new Harness({}, [1]);
    const old = h.active.image.broker(1)!.incarnationId;
    h.kill(1);
    h.addBroker(1, { incarnation: 1 });
    h.active.sessionLost(1, old, h.now);
    h.advance(1000);
    expect(h.pending).toEqual([]);
  });

  test('after a failover every unfenced broker has a full session to find the new controller', () => {
    const h = new Harness({ sessionTimeoutMs: 3000 }, [1, 2]);
    h.advance(2900);
    h.loseLeadership();
    // The new session lasts 3 s, plus the drift of two clocks in that time.
    h.advance(3007);
    h.heartbeat(2);
    expect(h.pending).toEqual([]);
    h.advance(1);
    h.commit();
    expect([h.active.image.isAlive(1), h.active.image.isAlive(2)]).toEqual([false, true]);
  });

  test('a controller that was paused gives the brokers time for a heartbeat', () => {
    const h = new Harness({ sessionTimeoutMs: 3000 }, [1]);
    h.now += 60_000; // no tick in between: this process was stopped
    h.active.tick(h.now);
    expect(h.pending).toEqual([]);
    h.heartbeat(1);
    h.advance(2999);
    expect(h.active.image.isAlive(1)).toBe(true);
  });

  test('a controller that was paused still fences brokers that stay silent afterwards', () => {
    const h = new Harness({ sessionTimeoutMs: 3000 }, [1]);
    h.now += 60_000;
    h.active.tick(h.now);
    h.advance(3000);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(false);
  });

  test('a controller whose ticks are always late fences a silent broker within two sessions', () => {
    const h = new Harness({ sessionTimeoutMs: 3000 }, [1, 2]);
    const start = h.now;
    while (h.active.head.isAlive(1) && h.now < start + 60_000) {
      h.now += 200; // an overloaded process: every tick comes 200 ms after its deadline, or later
      h.heartbeat(2);
      if (h.active.nextDeadline()! <= h.now - 200) h.active.tick(h.now);
    }
    h.commit();
    expect(h.now - start).toBeLessThanOrEqual(2 * 3000 + 1000);
    expect([h.active.image.isAlive(1), h.active.image.isAlive(2)]).toEqual([false, true]);
  });

  test('a broker that sends heartbeats between late ticks is never fenced', () => {
    const h = new Harness({ sessionTimeoutMs: 3000 }, [1]);
    for (let round = 0; round < 20; round++) {
      h.now += 10_000; // each time the controller is paused for longer than a session
      h.active.tick(h.now);
      h.now += 500;
      h.heartbeat(1);
    }
    expect(h.active.head.isAlive(1)).toBe(true);
  });
});
