/** The kinds of faults, and the nodes that they may hit. */
import type { Ability } from '../target/target.ts';

export const VICTIMS = {
  leader: 'the leader of a partition, which the run draws',
  follower: 'a follower of a partition, which the run draws',
  any: 'a broker, which the run draws',
  all: 'every node',
  'active-controller': 'the active controller',
  coordinator: 'the coordinator of a group of the scenario',
  'leader-and-controller': 'the leader of a partition, and the active controller',
  'two-brokers': 'two brokers, which the run draws',
} as const;
export type Victim = keyof typeof VICTIMS;

interface Kind {
  readonly sentence: string;
  /** What the target must be able to do. */
  readonly needs: Ability;
}

export const FAULTS = {
  crash: { sentence: 'kills the processes with SIGKILL, and starts them again', needs: 'processes' },
  pause: { sentence: 'freezes the processes with SIGSTOP, and resumes them', needs: 'processes' },
  stop: { sentence: 'stops the nodes cleanly with SIGTERM, and starts them again', needs: 'processes' },
  isolate: { sentence: 'cuts the nodes off from all other nodes and from the clients', needs: 'links' },
  'one-way': { sentence: 'holds back what the nodes send, but not what they receive', needs: 'links' },
  'slow-link': { sentence: 'delays every byte from and to the nodes', needs: 'links' },
  flap: { sentence: 'cuts the nodes off and heals the cut, every 300 ms', needs: 'links' },
} as const satisfies Record<string, Kind>;
export type FaultKind = keyof typeof FAULTS;
