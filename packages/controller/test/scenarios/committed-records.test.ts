/**
 * Goal: every member of the ISR and of the ELR holds all committed records, whatever min.insync.replicas each
 * broker has. Method: random walks, with a model of the records. The leader commits a record whenever
 * min.insync.replicas allows it: the topic's value or, if the topic has none, the leader's value. Only the
 * members of the ISR get the record. No broker loses its disk or restarts uncleanly.
 */
import { type NodeId, Prng } from '@millrace/base';
import { expect, test } from 'vitest';
import { Harness } from '../support/harness.ts';

const BROKERS = [1, 2, 3];

class Walk {
  committed = 0;
  electionsFromElr = 0;
  private readonly random: Prng;
  private readonly h: Harness;
  /** The topic's own min.insync.replicas. Undefined: the leader's value applies. */
  private readonly ofTopic: number | undefined;
  /** By broker: the min.insync.replicas of its registered process. */
  private readonly ofBroker = new Map<NodeId, number>();
  /** By broker: the number of committed records that it holds. */
  private readonly holds = new Map(BROKERS.map((id) => [id, 0]));
  private incarnation = 0;
  private elrBefore: readonly NodeId[] = [];

  constructor(seed: number) {
    this.random = new Prng(seed);
    const ofController = this.anyMinimum();
    this.h = new Harness({ serverProperties: new Map([['min.insync.replicas', String(ofController)]]) });
    for (const id of BROKERS) {
      this.ofBroker.set(id, this.anyMinimum());
      this.h.addBroker(id, { minInsyncReplicas: this.ofBroker.get(id)! });
    }
    this.ofTopic = this.random.below(4) === 0 ? this.anyMinimum() : undefined;
    const configs = this.ofTopic === undefined ? {} : { 'min.insync.replicas': String(this.ofTopic) };
    this.h.createTopics([{ name: 't', assignments: [BROKERS], configs }]);
    this.settle();
  }

  step(): void {
    const id = BROKERS[this.random.below(BROKERS.length)]!;
    const isAlive = this.h.active.image.isAlive(id);
    const draw = this.random.below(9);
    if (draw < 2 && isAlive) this.h.kill(id);
    else if (draw === 2) this.restart(id);
    else if (draw < 5 && !isAlive) this.h.heartbeat(id);
    else if (draw === 5) this.h.loseLeadership();
    else if (draw === 6 && isAlive) this.h.heartbeat(id, { wantFence: true });
    else if (draw > 6) this.alterIsr(id);
    this.settle();
  }

  /** The broker stops cleanly and starts with a setting that may differ. */
  private restart(id: NodeId): void {
    if (this.h.active.image.isAlive(id)) this.h.kill(id);
    this.settle();
    const minInsyncReplicas = this.anyMinimum();
    const previousBrokerEpoch = this.h.epochOf(id);
    const incarnation = ++this.incarnation;
    const answer = this.h.register(id, { incarnation, previousBrokerEpoch, minInsyncReplicas });
    this.h.commit();
    // While the session of the earlier process lasts, the controller refuses the new one.
    if (answer.value?.errorCode === 0) this.ofBroker.set(id, minInsyncReplicas);
  }

  /** The leader removes this broker from the ISR. If it is not in the ISR, it catches up and is added. */
  private alterIsr(id: NodeId): void {
    const { leader, isr } = this.partition;
    if (leader === -1 || leader === id || !this.h.active.image.isActive(id)) return;
    if (!isr.includes(id)) this.holds.set(id, this.committed);
    const target = isr.includes(id) ? isr.filter((member) => member !== id) : [...isr, id];
    this.h.alterPartition(leader, 't', target);
  }

  private settle(): void {
    this.h.commit();
    const { leader, isr, elr } = this.partition;
    if (this.elrBefore.includes(leader)) this.electionsFromElr++;
    this.elrBefore = elr;
    for (const id of [...isr, ...elr])
      expect(this.holds.get(id), `broker ${id}, leader ${leader}, ISR ${isr}, ELR ${elr}`).toBe(
        this.committed,
      );
    const minimum = this.ofTopic ?? this.ofBroker.get(leader);
    if (minimum === undefined || leader === -1 || isr.length < Math.min(minimum, BROKERS.length)) return;
    this.committed++;
    for (const id of isr) this.holds.set(id, this.committed);
  }

  private get partition() {
    return this.h.active.image.topic('t')!.partitions[0]!;
  }

  private anyMinimum(): number {
    return 1 + this.random.below(3);
  }
}

test('every member of ISR and ELR holds what each leader committed by its own min.insync.replicas', () => {
  let committed = 0;
  let electionsFromElr = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const walk = new Walk(seed);
    for (let step = 0; step < 100; step++) walk.step();
    committed += walk.committed;
    electionsFromElr += walk.electionsFromElr;
  }
  // The walks are worth little if they rarely commit, or rarely elect a member of the ELR.
  expect(committed).toBeGreaterThan(500);
  expect(electionsFromElr).toBeGreaterThan(50);
});
