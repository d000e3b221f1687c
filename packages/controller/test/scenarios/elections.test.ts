/**
 * Goal: the right replica leads when brokers come and go. Method: transcripts. Each line shows one committed
 * partition state.
 */
import { describe, expect, test } from 'vitest';
import { Harness } from '../support/harness.ts';

describe('a broker dies', () => {
  test('the next replica in the ISR leads, under a new epoch', () => {
    const h = new Harness({}, [1, 2, 3]);
    h.topic('t', [1, 2, 3]);
    expect(h.show('t')).toBe('leader 1 isr 1,2,3 epochs 0/0');
    h.kill(1);
    expect(h.show('t')).toBe('leader 2 isr 2,3 epochs 1/1');
  });

  test('a follower that dies leaves the ISR, and the leader keeps its epoch', () => {
    const h = new Harness({}, [1, 2, 3]);
    h.topic('t', [1, 2, 3]);
    h.kill(3);
    expect(h.show('t')).toBe('leader 1 isr 1,2 epochs 0/1');
  });

  test('the last member of the ISR stays in the ISR; nobody leads until this member is back', () => {
    const h = new Harness({}, [1, 2]);
    h.topic('t', [1, 2]);
    h.kill(2);
    h.kill(1);
    expect(h.show('t')).toBe('leader -1 isr 1 epochs 1/2');
    h.heartbeat(2);
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 1 epochs 1/2');
    h.heartbeat(1);
    h.commit();
    expect(h.show('t')).toBe('leader 1 isr 1 epochs 2/3');
  });

  test('while the ISR is too small to commit anything, a replica that leaves it stays eligible (KIP-966)', () => {
    const h = new Harness({}, [1, 2, 3], { minInsyncReplicas: 2 });
    const elr = () => h.active.image.topic('t')!.partitions[0]!.elr;
    h.topic('t', [1, 2, 3]);
    h.kill(3);
    expect(elr()).toEqual([]);
    h.kill(2);
    expect([h.show('t'), elr()]).toEqual(['leader 1 isr 1 epochs 0/2', [2]]);
    h.kill(1);
    expect([h.show('t'), elr()]).toEqual(['leader -1 isr 1 epochs 1/3', [2]]);
    // The broker is back after a pause. It holds every committed record, and the last member of the ISR is
    // away.
    h.heartbeat(2);
    h.commit();
    expect([h.show('t'), elr()]).toEqual(['leader 2 isr 2 epochs 2/4', [1]]);
    // After an unclean restart a replica is no longer eligible while another complete one remains.
    h.register(1, { incarnation: 1 });
    h.commit();
    expect([h.show('t'), elr()]).toEqual(['leader 2 isr 2 epochs 2/5', []]);
  });

  test('the min.insync.replicas of the leader decides, not that of the controller', () => {
    const h = new Harness({ serverProperties: new Map([['min.insync.replicas', '2']]) });
    for (const id of [1, 2, 3]) h.addBroker(id, { minInsyncReplicas: id === 1 ? 1 : 2 });
    const elr = (topic: string) => h.active.image.topic(topic)!.partitions[0]!.elr;
    h.topic('commits-alone', [1, 2]);
    h.topic('waits', [3, 2]);
    h.kill(2);
    // Broker 1 commits records without broker 2. Broker 3 does not.
    expect([h.show('commits-alone'), elr('commits-alone')]).toEqual(['leader 1 isr 1 epochs 0/1', []]);
    expect([h.show('waits'), elr('waits')]).toEqual(['leader 3 isr 3 epochs 0/1', [2]]);
  });

  test('a new leader that commits with a smaller ISR empties the ELR', () => {
    const h = new Harness();
    for (const id of [1, 2, 3]) h.addBroker(id, { minInsyncReplicas: id === 2 ? 1 : 2 });
    const elr = () => h.active.image.topic('t')!.partitions[0]!.elr;
    h.topic('t', [1, 2, 3]);
    h.kill(3);
    expect([h.show('t'), elr()]).toEqual(['leader 1 isr 1,2 epochs 0/1', []]);
    h.kill(2);
    expect([h.show('t'), elr()]).toEqual(['leader 1 isr 1 epochs 0/2', [2]]);
    h.kill(1);
    expect([h.show('t'), elr()]).toEqual(['leader -1 isr 1 epochs 1/3', [2]]);
    h.heartbeat(2);
    h.commit();
    expect([h.show('t'), elr()]).toEqual(['leader 2 isr 2 epochs 2/4', []]);
  });

  test('when the last member of the ISR restarts uncleanly, the eligible replicas replace it', () => {
    const h = new Harness({}, [1, 2], { minInsyncReplicas: 2 });
    h.topic('t', [1, 2]);
    h.kill(2);
    h.kill(1);
    h.register(1, { incarnation: 1 });
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 2 epochs 1/3');
    h.heartbeat(1);
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 2 epochs 1/3');
  });

  test('a replica outside the ISR does not lead, unless the topic allows it', () => {
    const h = new Harness({}, [1, 2]);
    h.createTopics([
      {
        name: 'unclean',
        assignments: [[1, 2]],
        configs: { 'unclean.leader.election.enable': 'true' },
      },
    ]);
    h.topic('clean', [1, 2]);
    h.kill(2);
    h.heartbeat(2);
    h.commit();
    h.kill(1);
    expect(h.show('clean')).toBe('leader -1 isr 1 epochs 1/2');
    expect(h.show('unclean')).toBe('leader 2 isr 2 epochs 1/2');
  });

  test('the node configuration can allow unclean election, which happens when a replica comes back', () => {
    const serverProperties = new Map([['unclean.leader.election.enable', 'true']]);
    const h = new Harness({ serverProperties }, [1, 2]);
    h.topic('t', [1, 2]);
    h.kill(2);
    h.kill(1);
    expect(h.show('t')).toBe('leader -1 isr 1 epochs 1/2');
    h.heartbeat(2);
    h.commit();
    expect(h.show('t')).toBe('leader 2 isr 2 epochs 2/3');
  });

  test('two brokers that fall silent together do not replace each other', () => {
    const h = new Harness({}, [1, 2, 3]);
    h.topic('t', [1, 2, 3]);
    h.topic('pair', [1, 2]);
    h.advance(1000);
    h.heartbeat(3);
    h.advance(2000);
    h.commit();
    expect(h.show('t')).toBe('leader 3 isr 3 epochs 1/1');
    // Both brokers hold every acknowledged record, so the first one that comes back leads.
    expect(h.show('pair')).toBe('leader -1 isr 1,2 epochs 1/1');
    h.heartbeat(2);
    h.commit();
    expect(h.show('pair')).toBe('leader 2 isr 2 epochs 2/2');
  });

  test('only partitions of the dead broker change', () => {
    const h = new Harness({}, [1, 2, 3]);
    h.topic('t', [1, 2], [2, 3], [3, 1]);
    h.kill(3);
    expect([h.show('t', 0), h.show('t', 1), h.show('t', 2)]).toEqual([
      'leader 1 isr 1,2 epochs 0/0',
      'leader 2 isr 2 epochs 0/1',
      'leader 1 isr 1 epochs 1/1',
    ]);
  });
});

describe('a broker restarts', () => {
  test('uncleanly: it leaves the ISR of every partition where another member remains', () => {
    const h = new Harness({}, [1, 2]);
    h.topic('t', [1, 2]);
    h.topic('alone', [1]);
    // Both fall silent together, so both are still in the ISR.
    h.advance(3000);
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 1,2 epochs 1/1');
    h.register(1, { incarnation: 1 });
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 2 epochs 1/2');
    expect(h.show('alone')).toBe('leader -1 isr 1 epochs 1/1');
    h.heartbeat(1);
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 2 epochs 1/2');
    expect(h.show('alone')).toBe('leader 1 isr 1 epochs 2/2');
  });

  test('cleanly: it stays in the ISR that it was in', () => {
    const h = new Harness({}, [1, 2]);
    h.topic('t', [1, 2]);
    h.advance(3000);
    h.commit();
    h.register(1, { incarnation: 1, previousBrokerEpoch: h.epochOf(1) });
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 1,2 epochs 1/1');
    h.heartbeat(1);
    h.commit();
    expect(h.show('t')).toBe('leader 1 isr 1 epochs 2/2');
  });

  test('with the broker epoch of an older incarnation: the restart counts as unclean', () => {
    const h = new Harness({}, [1, 2]);
    const old = h.epochOf(1);
    h.kill(1);
    h.addBroker(1, { incarnation: 1, previousBrokerEpoch: old });
    h.topic('t', [1, 2]);
    h.heartbeat(1);
    h.heartbeat(2);
    h.advance(3000);
    h.commit();
    h.register(1, { incarnation: 2, previousBrokerEpoch: old });
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 2 epochs 1/2');
  });

  test('before its session ends: leaderships move with the registration itself', () => {
    const h = new Harness();
    const logDirs = ['AAAAAAAAAAAAAAAAAAAABA' as never];
    h.addBroker(1, { logDirs });
    h.addBroker(2);
    h.topic('t', [1, 2]);
    h.active.sessionLost(1, h.active.image.broker(1)!.incarnationId, h.now);
    const answer = h.register(1, { incarnation: 1, logDirs });
    expect(h.pending.length).toBe(1);
    h.commit();
    expect(answer.value?.errorCode).toBe(0);
    expect(h.show('t')).toBe('leader 2 isr 2 epochs 1/1');
  });

  test('all processes killed and restarted: each partition gets a leader that holds the data', () => {
    const h = new Harness();
    const dir = (id: number) => [`AAAAAAAAAAAAAAAAAAAA${'BCD'[id - 1]}A` as never];
    for (const id of [1, 2, 3]) h.addBroker(id, { logDirs: dir(id) });
    h.topic('t', [1, 2, 3], [2, 3, 1], [3, 1, 2]);
    h.loseLeadership();
    for (const id of [1, 2, 3]) h.addBroker(id, { incarnation: 1, logDirs: dir(id) });
    expect([h.show('t', 0), h.show('t', 1), h.show('t', 2)]).toEqual([
      'leader 3 isr 3 epochs 4/4',
      'leader 3 isr 3 epochs 3/4',
      'leader 3 isr 3 epochs 2/4',
    ]);
  });

  test('with an empty disk, as the last member of the ISR: the replica that left it last leads, not the empty one', () => {
    const h = new Harness();
    const dir = (name: string) => [`AAAAAAAAAAAAAAAAAAAA${name}A` as never];
    for (const id of [1, 2, 3]) h.addBroker(id, { logDirs: dir('BCD'[id - 1]!) });
    h.topic('t', [1, 2, 3]);
    h.topic('alone', [1]);
    h.loseLeadership();
    // All brokers were killed. The controller would trust the last ISR member, but that one lost its disk.
    for (const id of [2, 3]) h.addBroker(id, { incarnation: 1, logDirs: dir('BCD'[id - 1]!) });
    h.advance(2999);
    h.heartbeat(2);
    h.heartbeat(3);
    // A new controller waits a little longer than 3 s: docs/leases.md.
    h.advance(9);
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 1 epochs 1/3');
    h.register(1, { incarnation: 1, logDirs: dir('E') });
    h.commit();
    expect(h.show('t')).toBe('leader 3 isr 3 epochs 2/4');
    h.heartbeat(1);
    h.commit();
    expect(h.show('t')).toBe('leader 3 isr 3 epochs 2/4');
    // Without another replica the records are lost, but the partition is usable again.
    expect(h.show('alone')).toMatch('leader 1 isr 1');
  });

  test('with an empty disk, while no other replica is active: the partition waits for the others', () => {
    const h = new Harness();
    h.addBroker(1, { logDirs: ['AAAAAAAAAAAAAAAAAAAABA' as never] });
    h.addBroker(2, { logDirs: ['AAAAAAAAAAAAAAAAAAAACA' as never] });
    h.topic('t', [1, 2]);
    h.kill(2);
    h.kill(1);
    expect(h.show('t')).toMatch('leader -1 isr 1');
    h.addBroker(1, { incarnation: 1, logDirs: ['AAAAAAAAAAAAAAAAAAAADA' as never] });
    expect(h.show('t')).toMatch('leader -1 isr 2');
    h.addBroker(2, { incarnation: 1, logDirs: ['AAAAAAAAAAAAAAAAAAAACA' as never] });
    expect(h.show('t')).toMatch('leader 2 isr 2');
  });
});

describe('controlled shutdown', () => {
  test('leaderships move first; the broker may stop when the other brokers know the new leaders', () => {
    const h = new Harness({}, [1, 2, 3]);
    h.topic('t', [1, 2, 3]);
    const asked = h.heartbeat(1, { wantShutDown: true });
    expect(asked.value).toBeUndefined();
    h.commit();
    expect(asked.value).toMatchObject({ isFenced: false, shouldShutDown: false });
    expect(h.show('t')).toBe('leader 2 isr 2,3 epochs 1/1');
    const movedAt = h.active.image.offset;
    h.heartbeat(2, { offset: movedAt });
    h.heartbeat(3, { offset: movedAt - 1 });
    expect(h.heartbeat(1, { wantShutDown: true }).value).toMatchObject({ shouldShutDown: false });
    h.heartbeat(3, { offset: movedAt });
    const last = h.heartbeat(1, { wantShutDown: true });
    expect(last.value).toBeUndefined();
    h.commit();
    expect(last.value).toMatchObject({ isFenced: true, shouldShutDown: true });
  });

  test('a broker that is shutting down is not elected, and joins no ISR', () => {
    const h = new Harness({}, [1, 2]);
    h.topic('t', [1, 2]);
    h.heartbeat(1, { wantShutDown: true });
    h.commit();
    expect(h.show('t')).toBe('leader 2 isr 2 epochs 1/1');
    const answer = h.alterPartition(2, 't', [1, 2]);
    expect(answer.value?.partitions[0]?.errorCode).toBe(107);
    h.kill(2);
    expect(h.show('t')).toBe('leader -1 isr 2 epochs 2/2');
  });

  test('a broker that has the only replica of a partition may stop', () => {
    const h = new Harness({}, [1]);
    h.topic('t', [1]);
    h.heartbeat(1, { wantShutDown: true });
    h.commit();
    const last = h.heartbeat(1, { wantShutDown: true });
    h.commit();
    expect(last.value).toMatchObject({ shouldShutDown: true });
    expect(h.show('t')).toBe('leader -1 isr 1 epochs 1/1');
  });

  test('the next controller continues the shutdown', () => {
    const h = new Harness({}, [1, 2]);
    h.heartbeat(1, { wantShutDown: true });
    h.commit();
    h.loseLeadership();
    expect(h.heartbeat(1, { wantShutDown: true }).value).toMatchObject({ shouldShutDown: false });
    h.heartbeat(2);
    const last = h.heartbeat(1, { wantShutDown: true });
    h.commit();
    expect(last.value).toMatchObject({ shouldShutDown: true });
  });

  test('a fenced broker may stop at once', () => {
    const h = new Harness();
    h.register(1);
    h.commit();
    expect(h.heartbeat(1, { wantShutDown: true }).value).toMatchObject({ shouldShutDown: true });
  });

  test('a broker that restarts after its controlled shutdown is unfenced as usual', () => {
    const h = new Harness({}, [1, 2]);
    h.topic('t', [1, 2]);
    h.heartbeat(1, { wantShutDown: true });
    h.commit();
    h.heartbeat(2);
    h.heartbeat(1, { wantShutDown: true });
    h.commit();
    h.addBroker(1, { incarnation: 1, previousBrokerEpoch: h.epochOf(1) });
    expect(h.active.image.broker(1)).toMatchObject({ fenced: false, inControlledShutdown: false });
    expect(h.show('t')).toBe('leader 2 isr 2 epochs 1/1');
  });
});

test('a broker that asks to be fenced is fenced', () => {
  const h = new Harness({}, [1, 2]);
  h.topic('t', [1, 2]);
  const answer = h.heartbeat(1, { wantFence: true });
  h.commit();
  expect(answer.value).toMatchObject({ isFenced: true });
  expect(h.show('t')).toBe('leader 2 isr 2 epochs 1/1');
});
