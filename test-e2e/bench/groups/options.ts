/** Reads the sizes and the other options of a run from the command line. */
import { parseArgs } from 'node:util';
import type { Protocol } from './group.ts';

export const sectionNames = ['steady', 'failover', 'settle', 'memory'] as const;
export type SectionName = (typeof sectionNames)[number];
const protocolNames: readonly Protocol[] = ['classic', 'consumer'];

export interface Sizes {
  readonly groups: number;
  readonly membersPerGroup: number;
  /** The number of partitions of the topic. Each group commits an offset for each partition. */
  readonly offsetsPerGroup: number;
  /** The number of connections to each broker. */
  readonly lanes: number;
  readonly inFlight: number;
  readonly heartbeatMs: number;
  readonly commitMs: number;
  readonly sessionMs: number;
  readonly warmUpMs: number;
  /** How long the members send heartbeats before the memory is measured. */
  readonly memoryAfterMs: number;
  /** How long the load runs at its fixed rate before the coordinator is killed. */
  readonly beforeKillMs: number;
  /** The length of the measurement at a fixed rate. */
  readonly pacedMs: number;
  /** The length of each measurement of the highest rate. */
  readonly fullMs: number;
  readonly settleMembers: number;
  readonly settlePartitions: number;
  /** The section `settle` is measured once with each of these intervals of heartbeats. */
  readonly settleHeartbeatsMs: readonly number[];
  readonly settleSessionMs: number;
  /** Each measurement of the section `settle` is the median of this many deaths. */
  readonly deaths: number;
}

export interface Options {
  readonly sizes: Sizes;
  readonly sections: ReadonlySet<SectionName>;
  readonly protocols: readonly Protocol[];
  /** The contenders to measure: 0 is Millrace, 1 is the peer. */
  readonly contenders: ReadonlySet<0 | 1>;
  /**
   * Whether all sections use one cluster. This is faster, but the cluster of a section then has the logs of
   * the earlier sections.
   */
  readonly sharesCluster: boolean;
}

const full: Sizes = {
  groups: 1000,
  membersPerGroup: 10,
  offsetsPerGroup: 100,
  lanes: 100,
  inFlight: 100,
  heartbeatMs: 3000,
  commitMs: 5000,
  sessionMs: 45_000,
  warmUpMs: 3000,
  memoryAfterMs: 12_000,
  beforeKillMs: 5000,
  pacedMs: 20_000,
  fullMs: 10_000,
  settleMembers: 100,
  settlePartitions: 1000,
  settleHeartbeatsMs: [100, 3000],
  settleSessionMs: 6000,
  deaths: 3,
};

const quick: Sizes = {
  ...full,
  groups: 60,
  lanes: 50,
  inFlight: 50,
  heartbeatMs: 1000,
  commitMs: 1000,
  sessionMs: 6000,
  warmUpMs: 1000,
  memoryAfterMs: 2000,
  beforeKillMs: 2000,
  pacedMs: 3000,
  fullMs: 1500,
  settleMembers: 30,
  settlePartitions: 300,
  settleHeartbeatsMs: [100],
  deaths: 1,
};

/** Throws if an option is invalid. */
export function optionsFrom(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: flag,
      alone: flag,
      peer: flag,
      only: text,
      protocol: text,
      groups: text,
      members: text,
      offsets: text,
      lanes: text,
      'heartbeat-ms': text,
      'commit-ms': text,
      seconds: text,
      'settle-members': text,
      'settle-partitions': text,
      'settle-heartbeat-ms': text,
      deaths: text,
    },
  });
  const base = values.quick ? quick : full;
  const membersPerGroup = count('members', values.members, base.membersPerGroup);
  const lanes = count('lanes', values.lanes, Math.ceil(base.lanes / membersPerGroup) * membersPerGroup);
  if (lanes % membersPerGroup !== 0) throw new Error('--lanes must be a multiple of --members');
  const seconds = values.seconds === undefined ? undefined : count('seconds', values.seconds, 1) * 1000;
  const intervals = values['settle-heartbeat-ms']?.split(',');
  const sizes: Sizes = {
    ...base,
    groups: count('groups', values.groups, base.groups),
    membersPerGroup,
    offsetsPerGroup: count('offsets', values.offsets, base.offsetsPerGroup),
    lanes,
    inFlight: lanes,
    heartbeatMs: count('heartbeat-ms', values['heartbeat-ms'], base.heartbeatMs),
    commitMs: count('commit-ms', values['commit-ms'], base.commitMs),
    pacedMs: seconds ?? base.pacedMs,
    fullMs: seconds ?? base.fullMs,
    settleMembers: count('settle-members', values['settle-members'], base.settleMembers),
    settlePartitions: count('settle-partitions', values['settle-partitions'], base.settlePartitions),
    settleHeartbeatsMs:
      intervals?.map((value) => count('settle-heartbeat-ms', value, 1)) ?? base.settleHeartbeatsMs,
    deaths: count('deaths', values.deaths, base.deaths),
  };
  if (sizes.offsetsPerGroup < membersPerGroup) throw new Error('--offsets must be at least --members');
  return {
    sizes,
    sections: new Set(chosen('only', values.only, sectionNames)),
    protocols: chosen('protocol', values.protocol, protocolNames),
    contenders: new Set(values.alone ? [0] : values.peer ? [1] : [0, 1]),
    sharesCluster: values.quick,
  };
}

function count(name: string, value: string | undefined, otherwise: number): number {
  const number = value === undefined ? otherwise : Number(value);
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} takes a whole number from 1`);
  return number;
}

/** Reads a list separated by commas, as in `--only steady,settle`. */
function chosen<T extends string>(name: string, value: string | undefined, all: readonly T[]): readonly T[] {
  if (value === undefined) return all;
  return value.split(',').map((part) => {
    const found = all.find((one) => one === part);
    if (found === undefined) throw new Error(`--${name} takes ${all.join(', ')}`);
    return found;
  });
}
