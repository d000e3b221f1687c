/**
 * A leader that has been replaced stops acknowledging: one session after the metadata name another epoch, a broker that still leads
 * under the old one holds no lease (docs/leases.md has the arithmetic).
 */
import type { LeaderEpoch } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import { MILLISECOND, type Micros } from '../world/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';
import { hostedReplicas } from './hosted-replicas.ts';

const NAME = 'zombie-leader';
/** A clock is read in whole milliseconds, and metadata are seen here when the first node has applied them. */
const SLACK_US: Micros = 5 * MILLISECOND;

export const zombieLeader: CheckerKind = {
  name: NAME,
  sentence: 'whoever leads under an epoch that was superseded longer than a session ago holds no lease',
  make: (scope) => new ZombieLeader(scope),
};

class ZombieLeader {
  private readonly scope: CheckScope;
  private image: MetadataImage | undefined;
  /** When each leader epoch of a partition was first seen in committed metadata, by epoch. */
  private readonly begins = new Map<string, Micros[]>();
  private readonly byReplica = new Map<Partition, readonly Micros[]>();

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    const { world, metadata } = this.scope;
    if (metadata.newest !== this.image) this.imageMoved(metadata.newest);
    for (const replica of hostedReplicas(node)) {
      if (replica.leadership === undefined) continue;
      const begins = this.beginsOf(replica);
      if (begins === undefined || begins.length - 1 <= replica.leaderEpoch) continue;
      const sinceUs = world.nowUs - endOf(begins, replica.leaderEpoch);
      const sessionUs = metadata.sessionTimeoutMs * MILLISECOND;
      if (sinceUs <= sessionUs + SLACK_US || !node.roles!.broker!.replicas.holdsLease) continue;
      world.fail(
        NAME,
        `${node.name} leads ${replica.topic}-${replica.index} in epoch ${replica.leaderEpoch} with a lease, ${sinceUs / 1e6} s after that epoch ended`,
      );
    }
  }

  /** A turn is too short to put a name together. */
  private beginsOf(replica: Partition): readonly Micros[] | undefined {
    const known = this.byReplica.get(replica);
    if (known !== undefined) return known;
    const begins = this.begins.get(`${replica.topicId}-${replica.index}`);
    if (begins !== undefined) this.byReplica.set(replica, begins);
    return begins;
  }

  private imageMoved(image: MetadataImage): void {
    this.image = image;
    for (const name of image.topicNames) {
      const { id, partitions } = image.topic(name)!;
      partitions.forEach(({ leaderEpoch }, index) => {
        const key = `${id}-${index}`;
        const begins = this.begins.get(key) ?? [];
        this.begins.set(key, begins);
        begins[leaderEpoch] ??= this.scope.world.nowUs;
      });
    }
  }
}

/** Some epochs may never have been seen. */
function endOf(begins: readonly Micros[], epoch: LeaderEpoch): Micros {
  for (let later = epoch + 1; later < begins.length; later++) {
    const atUs = begins[later];
    if (atUs !== undefined) return atUs;
  }
  return Number.POSITIVE_INFINITY;
}
