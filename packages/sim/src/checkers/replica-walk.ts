/**
 * Looks at every replica of a node after each turn of the node, once for all checkers. A node hosts many
 * replicas, and most turns move none of them. So the walk compares each replica with its state after the last
 * turn, and calls the checkers only for a replica that moved.
 */
import type { LeaderEpoch, Offset } from '@millrace/base';
import type { LogConfig } from '@millrace/log';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import { hostedReplicas } from './hosted-replicas.ts';

/** The fields of a replica that the walk compares. A checker that depends on another field adds it here. */
export interface ReplicaState {
  readonly highWatermark: Offset;
  readonly startOffset: Offset;
  readonly endOffset: Offset;
  readonly leadership: Partition['leadership'];
  readonly leaderEpoch: LeaderEpoch;
  /** The settings of the log; undefined: the walk has not seen the replica. */
  readonly config: LogConfig | undefined;
}

/** A replica that a process has open. */
export interface HostedReplica {
  readonly node: SimNode;
  readonly replica: Partition;
  /** The state after the previous turn of the process, or before the replica opened. */
  readonly before: ReplicaState;
}

/** The methods of a checker that are called for single replicas. */
export interface ReplicaWatcher {
  /** Called after each turn that opened the replica or changed one of the fields of `ReplicaState`. */
  replicaMoved?(hosted: HostedReplica): void;
  /**
   * Called once, after the node's first turn without the replica: it was closed, or its process has ended.
   */
  replicaClosed?(hosted: HostedReplica): void;
}

/**
 * The state of a replica before the walk's first look at it. No replica has this high watermark, so each
 * replica counts as moved when it opens.
 */
const UNSEEN: ReplicaState = {
  highWatermark: -1,
  startOffset: -1,
  endOffset: 0,
  leadership: undefined,
  leaderEpoch: -1,
  config: undefined,
};

/** Only the walk changes `before`. */
interface Walked extends HostedReplica {
  before: ReplicaState;
}

/** The walk over the replicas of one node. */
export class ReplicaWalk {
  private readonly node: SimNode;
  private readonly watchers: readonly ReplicaWatcher[];
  private replicas: readonly Partition[] = [];
  /** One entry for each of `replicas`, in the same order. */
  private hosted: readonly Walked[] = [];

  constructor(node: SimNode, watchers: readonly ReplicaWatcher[]) {
    this.node = node;
    this.watchers = watchers.filter(
      (one) => one.replicaMoved !== undefined || one.replicaClosed !== undefined,
    );
  }

  turn(): void {
    const replicas = hostedReplicas(this.node);
    if (replicas !== this.replicas) this.hostsOthers(replicas);
    for (const one of this.hosted) {
      const { replica, before } = one;
      if (
        replica.highWatermark === before.highWatermark &&
        replica.log.startOffset === before.startOffset &&
        replica.log.endOffset === before.endOffset &&
        replica.leadership === before.leadership &&
        replica.leaderEpoch === before.leaderEpoch &&
        replica.log.config === before.config
      )
        continue;
      for (const watcher of this.watchers) watcher.replicaMoved?.(one);
      one.before = stateOf(replica);
    }
  }

  private hostsOthers(replicas: readonly Partition[]): void {
    const known = new Map(this.hosted.map((one) => [one.replica, one]));
    this.replicas = replicas;
    this.hosted = replicas.map((replica) => {
      const one = known.get(replica) ?? { node: this.node, replica, before: UNSEEN };
      known.delete(replica);
      return one;
    });
    for (const closed of known.values()) for (const watcher of this.watchers) watcher.replicaClosed?.(closed);
  }
}

function stateOf({ highWatermark, log, leadership, leaderEpoch }: Partition): ReplicaState {
  const { startOffset, endOffset, config } = log;
  return { highWatermark, startOffset, endOffset, leadership, leaderEpoch, config };
}
