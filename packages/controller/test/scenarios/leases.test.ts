/**
 * Goal: no lease outlives the session that the controllers keep for its broker (docs/leases.md). Method:
 * transcripts on a quorum played by hand. Some tests also confirm leadership by hand.
 */
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { Harness } from '../support/harness.ts';

describe('a lease', () => {
  test("is a little shorter than the session of the controller, even if the broker's own setting is smaller", () => {
    const h = new Harness({ sessionTimeoutMs: 10_000 });
    h.addBroker(1, { sessionTimeoutMs: 3000 });
    expect(h.heartbeat(1).value).toMatchObject({ isFenced: false, leaseMs: 9979 });
  });

  test('is granted only after the quorum confirmed the leadership', () => {
    const h = new Harness({}, [1]);
    h.holdsConfirmations = true;
    const beat = h.heartbeat(1);
    expect(beat.value).toBeUndefined();
    h.heldConfirmations.shift()!(true);
    expect(beat.value).toMatchObject({ errorCode: 0, isFenced: false });
  });

  test('is not granted by a controller that was deposed and does not know it yet', () => {
    const h = new Harness({}, [1]);
    h.holdsConfirmations = true;
    h.depose();
    const beat = h.heartbeat(1);
    h.heldConfirmations.shift()!(false);
    expect(beat.value).toMatchObject({ errorCode: ErrorCode.NOT_CONTROLLER, isFenced: true, leaseMs: 0 });
  });

  test('is not granted while a fence of the broker is proposed and not committed', () => {
    const h = new Harness({}, [1, 2]);
    h.active.sessionLost(1, h.active.image.broker(1)!.incarnationId, h.now);
    h.advance(h.active.config.connectionLossGraceMs);
    expect(h.pending).toHaveLength(1);
    const beat = h.heartbeat(1);
    expect(beat.value).toBeUndefined();
    h.commit();
    expect(beat.value).toMatchObject({ isFenced: true, leaseMs: 0 });
  });

  test('is not granted when the broker is fenced while the quorum confirms', () => {
    const h = new Harness({}, [1, 2]);
    h.holdsConfirmations = true;
    const beat = h.heartbeat(1);
    h.active.sessionLost(1, h.active.image.broker(1)!.incarnationId, h.now);
    h.advance(h.active.config.connectionLossGraceMs);
    h.heldConfirmations.shift()!(true);
    expect(beat.value).toMatchObject({ isFenced: true, leaseMs: 0 });
  });

  test('may be as long as the broker accepts: a new controller with a shorter session waits that long', () => {
    const h = new Harness({ sessionTimeoutMs: 1000 });
    h.addBroker(1, { sessionTimeoutMs: 5000 });
    h.loseLeadership();
    h.advance(5011);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(true);
    h.advance(1);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(false);
  });

  test('of an earlier controller with a longer session ends before the session at the new one, on clocks that drift apart', () => {
    const drift = 0.001;
    for (const sessionTimeoutMs of [100, 999, 3000, 10_000, 60_000]) {
      const h = new Harness({ sessionTimeoutMs });
      // An earlier controller may have granted a longer lease. The broker shortens it to its own setting.
      h.addBroker(1, { sessionTimeoutMs });
      h.loseLeadership();
      let waitedMs = 0;
      for (; h.pending.length === 0; waitedMs++) h.advance(1);
      // Clocks return whole milliseconds, so the session may begin up to 1 ms earlier than it seems. The
      // broker's clock is slow, the controller's is fast.
      expect((waitedMs - 1) / (1 + drift)).toBeGreaterThanOrEqual(sessionTimeoutMs / (1 - drift));
    }
  });

  test('of an earlier controller outlasts a shorter one from the new controller, whose response may be lost', () => {
    const h = new Harness({ sessionTimeoutMs: 1000 });
    h.addBroker(1, { sessionTimeoutMs: 5000 });
    h.loseLeadership();
    h.advance(100);
    h.heartbeat(1);
    h.advance(4911);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(true);
    h.advance(1);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(false);
  });

  test('of an earlier controller still counts when the broker comes back after its stream broke and it was fenced', () => {
    const h = new Harness({ sessionTimeoutMs: 1000 });
    h.addBroker(1, { sessionTimeoutMs: 5000 });
    h.loseLeadership();
    h.active.sessionLost(1, h.active.image.broker(1)!.incarnationId, h.now);
    h.advance(100);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(false);
    h.heartbeat(1, { offset: h.active.image.offset });
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(true);
    h.advance(4911);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(true);
    h.advance(1);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(false);
  });

  test('of an earlier controller still counts when that controller fenced the broker after its stream broke', () => {
    const h = new Harness({ sessionTimeoutMs: 1000 });
    h.addBroker(1, { sessionTimeoutMs: 5000 });
    h.kill(1);
    h.loseLeadership();
    h.heartbeat(1, { offset: h.active.image.offset });
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(true);
    h.advance(5011);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(true);
    h.advance(1);
    h.commit();
    expect(h.active.image.isAlive(1)).toBe(false);
  });

  test('is over when its broker was silent, but may still hold when only the control stream ended; the log says which', () => {
    const h = new Harness({}, [1, 2]);
    h.active.sessionLost(1, h.active.image.broker(1)!.incarnationId, h.now);
    h.advance(3000);
    h.commit();
    const ended = h.logger.events.filter(({ event }) => event === 'broker-session-ended');
    expect(ended.map(({ facts }) => [facts['brokerId'], facts['reason']])).toEqual([
      [1, 'disconnected'],
      [2, 'silent'],
    ]);
  });

  test('delayed by a slow quorum does not end the session of a broker that closes its control stream', () => {
    const h = new Harness({ sessionTimeoutMs: 3000 }, [1, 2]);
    h.holdsConfirmations = true;
    h.heartbeat(1);
    h.advance(1500);
    h.active.sessionLost(1, h.active.image.broker(1)!.incarnationId, h.now);
    h.advance(1499);
    expect(h.active.head.isAlive(1)).toBe(true);
    h.advance(1);
    expect(h.active.head.isAlive(1)).toBe(false);
  });
});
