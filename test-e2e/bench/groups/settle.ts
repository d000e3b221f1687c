/**
 * The section `settle`: one large group loses a member, because the member leaves or because its session
 * ends. Measures the time from this event until every survivor has its final assignment. Then all survivors
 * are in the newest generation, and each partition has exactly one owner among them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../lib/cluster.ts';
import { median } from '../../lib/table.ts';
import type { Group, Protocol } from './group.ts';
import type { Measure } from './judge.ts';
import { PacedLoad, sendHeartbeat } from './load.ts';
import { printTroubles, REBALANCE_MS } from './measuring.ts';
import type { Member } from './member.ts';
import type { Sizes } from './options.ts';
import { World } from './world.ts';

const SETTLE_LIMIT_MS = 120_000;
/** The group rests before a death, so that no earlier assignment delays the next one. */
const REST_MS = 1500;

/** The ways in which a member ends, with the text for the title of the measure. */
const deaths = { leave: 'a member leaves', expire: 'a member’s session ends' } as const;
type Death = keyof typeof deaths;

export async function settle(cluster: Cluster, protocol: Protocol, sizes: Sizes): Promise<Measure[]> {
  const world = await World.create(cluster, {
    protocol,
    name: `settle-${protocol}`,
    groups: 1,
    membersPerGroup: sizes.settleMembers,
    partitions: sizes.settlePartitions,
    lanes: sizes.settleMembers,
    sessionMs: sizes.settleSessionMs,
    rebalanceMs: REBALANCE_MS,
  });
  world.driveMs = undefined;
  const measures: Measure[] = [];
  try {
    const group = world.list[0]!;
    for (const heartbeatMs of sizes.settleHeartbeatsMs) {
      const load = new PacedLoad(world.members, heartbeatMs, sendHeartbeat);
      for (const death of Object.keys(deaths) as Death[]) {
        const times: number[] = [];
        for (let i = 0; i < sizes.deaths; i++) times.push(await oneDeath(group, i, death));
        measures.push({
          title: `${protocol}, settle: ${deaths[death]}, heartbeats every ${heartbeatMs} ms`,
          unit: 'ms',
          value: median(times),
          better: 'lower',
          isJudged: true,
        });
      }
      load.stop();
    }
    printTroubles(world);
    await world.leaveAll();
    return measures;
  } finally {
    world.close();
  }
}

async function oneDeath(group: Group, index: number, death: Death): Promise<number> {
  await sleep(REST_MS);
  const { members, world } = group;
  // Never chooses the first member, because it is often the leader of a classic group.
  const member = members[1 + ((index * 7) % (members.length - 1))]!;
  const epoch = group.epoch;
  const start = end(member, death, world.sessionMs);
  const settledMs = await settledAfter(group, epoch);
  const rejoined = group.epoch;
  member.revive();
  await settledAfter(group, rejoined);
  return Math.max(0, settledMs - start);
}

/**
 * Ends the member. Returns the time at which the measurement begins: the time of its leave, or the end of its
 * session.
 */
function end(member: Member, death: Death, sessionMs: number): number {
  const now = performance.now();
  if (death === 'leave') {
    member.leave();
    return now;
  }
  member.die();
  return member.heardMs + sessionMs;
}

/** Resolves with the time at which the group has settled in a later generation than `epoch`. */
function settledAfter(group: Group, epoch: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new Error(`${group.id} did not settle: ${group.world.troubles()}`)),
      SETTLE_LIMIT_MS,
    );
    group.whenSettledAfter(epoch, () => {
      clearTimeout(limit);
      resolve(performance.now());
    });
  });
}
