/**
 * Goal: the run finds a cluster that never recovers, a client that makes no progress, and code that throws.
 * Method: replace methods of nodes and clients, so that the methods do nothing or throw.
 */
import { GroupConsumer, GroupOffsets } from '@millrace/client';
import { PartitionLog } from '@millrace/log';
import { compressionCodecs } from '@millrace/protocol/io';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Consumer, probes } from '../../src/clients/index.ts';
import { SimNode } from '../../src/cluster/index.ts';
import { Atlas } from '../../src/faults/index.ts';
import { planOf, type Scenario, scenarioOf } from '../../src/plan/index.ts';
import { simulate } from '../../src/run/index.ts';
import { Supervisor } from '../../src/run/supervisor.ts';
import { Host, World } from '../../src/world/index.ts';
import { planWith } from '../support/plans.ts';

afterEach(() => vi.restoreAllMocks());

/** The first seed whose scenario is as wanted. Everything else that the seed draws does not matter. */
function seedWith(wanted: (scenario: Scenario) => boolean): number {
  let seed = 1;
  while (!wanted(scenarioOf(planOf(seed)))) seed++;
  return seed;
}

// The scenario of this seed: the cluster comes up before any incident, there is a prober, nodes 1 to 3 are
// only controllers, and the producers send rarely.
const SEED = seedWith(
  ({ cluster, faultsFromTheStart, prober, paceMs }) =>
    cluster.controllers === 3 && !cluster.combined && prober && !faultsFromTheStart && paceMs === 300,
);

/** Runs the seed without faults. */
function run() {
  return simulate({ plan: planWith(SEED), codecs: compressionCodecs });
}

/** Starts a node only if `may` allows it. */
function startOnlyIf(may: (node: SimNode) => boolean): void {
  const { start } = SimNode.prototype;
  vi.spyOn(SimNode.prototype, 'start').mockImplementation(function (this: SimNode) {
    if (may(this)) start.call(this);
  });
}

/** Calls `act` when the run tells this event. */
function when(event: string, act: () => void): void {
  const { tell } = World.prototype;
  vi.spyOn(World.prototype, 'tell').mockImplementation(function (this: World, ...said) {
    tell.apply(this, said);
    if (said[1] === event) act();
  });
}

/**
 * After the faults, all writes to a folder that nobody uses fail on the disk of a broker. So the disk counts
 * as damaged, although the broker works.
 */
function damageDisk(): void {
  const started = vi.spyOn(SimNode.prototype, 'start');
  when('faults-over', () => {
    const nodes = started.mock.contexts as SimNode[];
    nodes.find(({ isController }) => !isController)!.disk.failWrites('/data/none-0', 'EIO');
  });
}

function endClientsInSync(names: RegExp): void {
  const booted = vi.spyOn(Host.prototype, 'boot');
  when('in-sync', () => {
    for (const { name, life } of booted.mock.contexts as Host[]) if (names.test(name)) life!.die('power');
  });
}

function deafenFollowersInSync(): void {
  const started = vi.spyOn(SimNode.prototype, 'start');
  when('in-sync', () => {
    for (const { roles } of started.mock.contexts as SimNode[])
      for (const replica of roles?.broker?.replicas.partitions() ?? [])
        vi.spyOn(replica, 'learnFromLeader').mockImplementation(() => {});
  });
}

/** Ways to break a promise of liveness, each with the sentence that the run must report. */
const BROKEN: readonly (readonly [name: string, plant: () => void, sentence: RegExp])[] = [
  [
    'brokers that never start',
    () => startOnlyIf(({ isController }) => isController),
    /^the cluster does not come up: a topic is missing after 20 s$/,
  ],
  [
    'a node that never restarts',
    () => {
      startOnlyIf(({ host }) => host.life === undefined);
      vi.spyOn(Supervisor.prototype, 'startAll').mockImplementation(({ nodes }) => nodes[0]!.kill('process'));
    },
    /^the cluster does not recover: c1 is down after 40 s$/,
  ],
  [
    'a disk that stays damaged',
    () => {
      damageDisk();
      vi.spyOn(Atlas.prototype, 'mayLoseDisk').mockReturnValue(false);
    },
    /^the cluster does not recover: the disk of b4 is damaged after 40 s$/,
  ],
  [
    'a consumer that gets no more records',
    () => endClientsInSync(/^q1$/),
    /^a client makes no progress: q1 has got nothing for a while after 10 s$/,
  ],
  [
    'producers that get no more acknowledgements',
    () => endClientsInSync(/^p/),
    /^a client makes no progress: p[12] has got nothing for a while after 10 s$/,
  ],
  [
    'a client that never gets an answer',
    () => {
      for (const probe of probes) vi.spyOn(probe, 'ask').mockImplementation(() => {});
    },
    /^a client or a replica waits for ever: a client still waits for an answer after 35 s$/,
  ],
  [
    'followers that never learn the high watermark',
    deafenFollowersInSync,
    /^a client or a replica waits for ever: broker \d knows [a-z_]+-[\d-]+ up to \d+ of \d+ after 35 s$/,
  ],
  [
    'a new consumer that does not start to read',
    () => {
      const { start } = Consumer.prototype;
      vi.spyOn(Consumer.prototype, 'start').mockImplementation(function (this: Consumer) {
        if (!/^r\d/.test(this.name)) start.call(this);
      });
    },
    /^a new consumer does not read everything: events-1-0 is read up to -1 of \d+ after 20 s$/,
  ],
];

describe('liveness', () => {
  it('accepts the same run when nothing is broken', () => {
    const { sentence, verdict, history } = run();
    expect([verdict, sentence]).toEqual(['passed', undefined]);
    expect(history.peaces).toContainEqual({ fromUs: expect.any(Number), toUs: expect.any(Number) });
  });

  it.each(BROKEN)('sees %s', (_name, plant, sentence) => {
    plant();
    const report = run();
    expect([report.verdict, report.checker]).toEqual(['violated', 'liveness']);
    expect(report.sentence).toMatch(sentence);
  });
});

describe('group-behind', () => {
  const behind = () => {
    const plan = { ...planWith(SEED), overrides: { classicMembers: 1, consumerMembers: 0 } };
    const { checker, sentence } = simulate({ plan, codecs: compressionCodecs });
    return `${checker}: ${sentence}`;
  };

  it('sees a member that owns a partition and does not read it', () => {
    const { start } = GroupConsumer.prototype;
    vi.spyOn(GroupConsumer.prototype, 'start').mockImplementation(function (this: GroupConsumer) {
      this.pause();
      start.call(this);
    });
    expect(behind()).toMatch(
      /^group-behind: a group falls behind: classic has read events-\d+-\d+ up to 0 and committed 0 of \d+ after 10 s$/,
    );
  });

  it('sees a member that reads and does not commit', () => {
    vi.spyOn(GroupOffsets.prototype, 'commit').mockReturnValue(() => {});
    expect(behind()).toMatch(
      /^group-behind: a group falls behind: classic has read events-\d+-\d+ up to [1-9]\d* and committed 0 of /,
    );
  });
});

describe('member-failed', () => {
  /** Makes each static member, each dynamic member, or every member fail with this error. */
  const failing = (error: string, which?: 'static' | 'dynamic') => {
    const { start } = GroupConsumer.prototype;
    vi.spyOn(GroupConsumer.prototype, 'start').mockImplementation(function (this: GroupConsumer) {
      const { instanceId, observer } = this['options'];
      const isStatic = instanceId !== null;
      if (which === undefined || isStatic === (which === 'static')) observer.failed(error, undefined);
      else start.call(this);
    });
    const { checker, sentence } = simulate({ plan: planWith(SEED), codecs: compressionCodecs });
    return `${checker}: ${sentence}`;
  };

  it('sees a member that an error ends', () => {
    expect(failing('INVALID_SESSION_TIMEOUT')).toMatch(
      /^member-failed: [jk]\d failed: INVALID_SESSION_TIMEOUT$/,
    );
  });

  it('accepts that a static member ends when its instance id is taken', () => {
    expect(failing('FENCED_INSTANCE_ID', 'static')).toMatch(/^group-unsettled: /);
  });

  it('sees a dynamic member that ends with the error of a taken instance id', () => {
    expect(failing('FENCED_INSTANCE_ID', 'dynamic')).toMatch(
      /^member-failed: [jk]\d failed: FENCED_INSTANCE_ID$/,
    );
  });
});

describe('no-exception', () => {
  it('ends a run in which the code of a node throws, and reports the error', () => {
    const planted = new RangeError('planted');
    vi.spyOn(PartitionLog.prototype, 'appendAsFollower').mockImplementation(() => {
      throw planted;
    });
    const report = run();
    expect([report.verdict, report.checker]).toEqual(['violated', 'no-exception']);
    expect(report.sentence).toMatch(/^b\d threw RangeError: planted$/);
    expect(report.thrown).toBe(planted);
  });
});
