/**
 * Goal: the invariants hold for any inputs in any order. Method: random walks over the inputs of a
 * controller, with commits and lost leaderships in between. The harness checks each step. Planted violations
 * test the checker itself.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { applyRecords, type BrokerSetting, MetadataImage, type MetadataRecord } from '@millrace/metadata';
import { ConfigResourceType } from '@millrace/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alter, type Change } from '../support/alter.ts';
import { Harness, plain, uuid } from '../support/harness.ts';
import { violations } from '../support/invariants.ts';

type Step = (h: Harness, draw: number) => void;

const broker = (draw: number) => 1 + (draw % 4);
const topic = (h: Harness, draw: number) => {
  const names = h.active.head.topicNames;
  return names.length === 0 ? undefined : names[draw % names.length];
};

const heartbeat: Step = (h, draw) => void h.heartbeat(broker(draw));

const stopping: Step = (h, draw) =>
  void h.heartbeat(broker(draw), { wantShutDown: draw % 7 === 0, wantFence: draw % 5 === 0 });

const sessionLost: Step = (h, draw) => {
  const incarnation = h.active.image.broker(broker(draw))?.incarnationId ?? ZERO_UUID;
  h.active.sessionLost(broker(draw), incarnation, h.now);
};

const alterIsr: Step = (h, draw) => {
  const name = topic(h, draw);
  if (name === undefined) return;
  const { replicas, leader } = h.active.head.topic(name)!.partitions[0]!;
  h.alterPartition(
    leader,
    name,
    replicas.filter((id, index) => id === leader || (draw >> index) % 2 === 0),
  );
};

const alterTopic: Step = (h, draw) => {
  const name = topic(h, draw);
  if (name === undefined) return;
  const minIsr = draw % 3;
  const isr: Change = [minIsr === 0 ? 'DELETE' : 'SET', 'min.insync.replicas', String(minIsr)];
  const unclean: Change = ['SET', 'unclean.leader.election.enable', String(draw % 5 === 0)];
  const requestId = draw % 2 === 0 ? uuid(draw % 50) : undefined;
  alter(h, [{ name, changes: draw % 4 === 0 ? [unclean] : [isr] }], requestId && { requestId });
};

const alterBrokers: Step = (h, draw) => {
  const changes: readonly Change[] = [
    ['SET', 'min.insync.replicas', String(1 + (Math.floor(draw / 12) % 3))],
    ['SET', 'unclean.leader.election.enable', String(draw % 5 === 0)],
    ['DELETE', 'unclean.leader.election.enable'],
    ['SET', 'max.connections', String(draw)],
  ];
  const name = draw % 3 === 0 ? String(broker(draw)) : '';
  const requestId = draw % 2 === 0 ? uuid(draw % 50) : undefined;
  const change = changes[Math.floor(draw / 3) % changes.length]!;
  alter(h, [{ type: ConfigResourceType.BROKER, name, changes: [change] }], requestId && { requestId });
};

/** Steps of the quorum and of the time. */
const QUORUM: readonly Step[] = [
  (h, draw) => h.advance(draw % 1500),
  (h) => h.commit(),
  (h) => h.commit(),
  (h) => {
    if (h.pending.length > 0) h.commitFirst();
  },
  (h, draw) => {
    if (draw % 3 === 0) h.loseLeadership();
  },
];

const STEPS: readonly Step[] = [
  (h, draw) => {
    const id = broker(draw);
    const previousBrokerEpoch = draw % 2 === 0 ? h.epochOf(id) : -1;
    const logDirs: Uuid[] = draw % 3 === 0 ? [uuid(id)] : [];
    const rack = `r${id % 2}`;
    h.register(id, { incarnation: draw % 5, previousBrokerEpoch, logDirs, rack });
  },
  heartbeat,
  heartbeat,
  stopping,
  sessionLost,
  (h, draw) => {
    const configs = { 'unclean.leader.election.enable': String(draw % 4 === 0) };
    const spec = { name: `t${draw % 6}`, partitions: 1 + (draw % 3), replicas: 1 + (draw % 3), configs };
    h.createTopics([spec], { validateOnly: draw % 9 === 0 });
  },
  alterIsr,
  (h, draw) => {
    const name = draw % 4 === 0 ? topic(h, draw) : undefined;
    if (name === undefined) return;
    const request = { topics: [], topicNames: [name], timeoutMs: 1000 };
    h.active.deleteTopics(request, { version: 5, clientId: null }, h.now, () => {});
  },
  (h, draw) => {
    const name = topic(h, draw);
    if (name === undefined) return;
    const count = h.active.head.topic(name)!.partitions.length + 1;
    const request = { topics: [{ name, count, assignments: null }], timeoutMs: 1000, validateOnly: false };
    h.active.createPartitions(request, { version: 3, clientId: null }, h.now, () => {});
  },
  (h, draw) => {
    const brokerEpoch = h.epochOf(broker(draw));
    h.active.allocateProducerIds({ brokerId: broker(draw), brokerEpoch }, h.now, () => {});
  },
  alterTopic,
  alterBrokers,
  ...QUORUM,
];

const dynamic: BrokerSetting = { isDynamic: true, defaultList: undefined, check: () => undefined };
const brokerSettings = new Map<string, BrokerSetting>([
  ['min.insync.replicas', dynamic],
  ['unclean.leader.election.enable', dynamic],
  ['max.connections', dynamic],
]);

/** Steps that fill and empty the ELR. */
const ELR_STEPS: readonly Step[] = [
  heartbeat,
  heartbeat,
  stopping,
  sessionLost,
  alterIsr,
  alterTopic,
  alterBrokers,
  ...QUORUM,
];

function walk(h: Harness, steps: readonly Step[], draws: readonly number[]): void {
  for (const draw of draws) steps[draw % steps.length]!(h, Math.floor(draw / steps.length));
  h.commit();
}

describe('random walks', () => {
  test('keep every invariant, and every replica of the log comes to the same image', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { minLength: 20, maxLength: 120 }), (draws) => {
        const h = new Harness({ sessionTimeoutMs: 3000, brokerSettings }, [1, 2, 3]);
        h.topic('first', [1, 2, 3], [2, 3, 1]);
        walk(h, STEPS, draws);
        expect(plain(h.replayed().image)).toBe(plain(h.active.image));
      }),
      { numRuns: 50 },
    );
  });

  test('keep every invariant of the ELR while min.insync.replicas changes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { minLength: 20, maxLength: 120 }), (draws) => {
        const options = { minInsyncReplicas: 2 };
        const h = new Harness({ sessionTimeoutMs: 3000, brokerSettings }, [1, 2, 3], options);
        h.topic('first', [1, 2, 3], [2, 3, 1]);
        h.topic('second', [3, 1]);
        walk(h, ELR_STEPS, draws);
      }),
      { numRuns: 100 },
    );
  });

  test('when every broker has restarted, every partition has a leader again', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { minLength: 20, maxLength: 80 }), (draws) => {
        const h = new Harness({ brokerSettings }, [1, 2, 3]);
        h.topic('first', [1, 2, 3], [2, 3, 1]);
        walk(h, STEPS, draws);
        h.advance(10_000);
        h.commit();
        for (const { id } of h.active.image.sortedBrokers()) h.addBroker(id, { incarnation: 99 });
        for (const name of h.active.image.topicNames) {
          for (const { leader } of h.active.image.topic(name)!.partitions) expect(leader).not.toBe(-1);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('the checker finds planted violations', () => {
  const topicId = uuid(1);
  const image = (...records: MetadataRecord[]) => {
    const base: MetadataRecord[] = [1, 2].flatMap((brokerId): MetadataRecord[] => [
      { type: 'registerBroker', brokerId, incarnationId: uuid(brokerId), listeners: [], logDirs: [] },
      { type: 'brokerChange', brokerId, brokerEpoch: (brokerId - 1) * 2, fenced: false },
    ]);
    const partition = { topicId, partition: 0, replicas: [1, 2], isr: [1, 2], leader: 1 } as const;
    base.push({ type: 'topic', name: 't', topicId });
    base.push({ type: 'partition', ...partition, leaderEpoch: 0, partitionEpoch: 0 });
    const all = [...base, ...records];
    return applyRecords(MetadataImage.EMPTY, { baseOffset: 0, epoch: 1, records: all }).image;
  };

  test('a healthy image has no violations', () => {
    expect(violations(image())).toEqual([]);
  });

  test('a fenced leader', () => {
    const fenced: MetadataRecord = { type: 'brokerChange', brokerId: 1, brokerEpoch: 0, fenced: true };
    expect(violations(image(fenced))).toEqual([
      't/0: a leader that is not active',
      't/0: an ISR member that is not active',
    ]);
  });

  test('a partition without a leader, although one could lead', () => {
    const nobody: MetadataRecord = { type: 'partitionChange', topicId, partition: 0, leader: -1 };
    expect(violations(image(nobody))).toEqual(['t/0: no leader though one could lead']);
  });
});
