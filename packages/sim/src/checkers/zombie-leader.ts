/**
 * A replaced leader stops acknowledging. docs/leases.md has the arithmetic, and two rules follow from it:
 *
 * - The controller fences a broker that is silent for its session. From the commit of that fence until the
 *   controller unfences the broker, the broker holds no lease.
 * - If another event replaces the leader, the old leader may continue to lead in the old epoch for a while.
 *   One session after the metadata give a later epoch to another process, the old leader has ended its
 *   leadership or holds no lease.
 */
import type { BrokerEpoch, LeaderEpoch, NodeId, QuorumEpoch } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { SimNode } from '../cluster/index.ts';
import { MILLISECOND, type Micros } from '../world/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'zombie-leader';
/**
 * Allows for two errors: nodes read clocks in whole milliseconds, and the checker sees metadata only when the
 * first node has applied them.
 */
const SLACK_US: Micros = 5 * MILLISECOND;

export const zombieLeader: StateCheckerKind = {
  name: NAME,
  sentence:
    'a broker that is fenced for its silence holds no lease; if a leader is replaced for another reason, its leadership or its lease ends within one session after the metadata name the new leader',
  make: (scope) => new ZombieLeader(scope),
};

class ZombieLeader implements StateChecker {
  private readonly scope: StateScope;
  private image: MetadataImage | undefined;
  /**
   * For each partition, by leader epoch: the leader of the epoch, and when the epoch first appeared in
   * committed metadata.
   */
  private readonly begins = new Map<string, Begin[]>();
  private readonly leaders = new Set<HostedReplica>();
  /**
   * The leaders that still lead in an epoch that the committed metadata have ended, and since when it has
   * ended.
   */
  private readonly superseded = new Map<HostedReplica, Micros>();
  /**
   * The brokers whose session a controller ended because they were silent, with the quorum epoch of that
   * controller. The controller then proposes a fence, which the quorum may commit or lose.
   */
  private readonly silent = new Map<NodeId, QuorumEpoch>();
  /**
   * The brokers that are fenced because they were silent, with the broker epoch. The quorum has committed
   * these fences.
   */
  private readonly fenced = new Map<NodeId, BrokerEpoch>();

  constructor(scope: StateScope) {
    this.scope = scope;
    scope.world.logWatchers.push((_life, event, { brokerId, reason, epoch }) => {
      if (event !== 'broker-session-ended') return;
      if (reason === 'silent') this.silent.set(brokerId as NodeId, epoch as QuorumEpoch);
      else this.silent.delete(brokerId as NodeId);
    });
  }

  turn(node: SimNode): void {
    const { world, metadata } = this.scope;
    if (metadata.newest !== this.image) this.imageMoved(metadata.newest);
    if (this.fenced.size > 0) this.checkFenced(node);
    if (this.superseded.size === 0) return;
    for (const [{ node: host, replica }, endUs] of this.superseded) {
      if (host !== node) continue;
      const sinceUs = world.nowUs - endUs;
      const sessionUs = metadata.sessionTimeoutMs * MILLISECOND;
      if (sinceUs <= sessionUs + SLACK_US || !node.roles!.broker!.replicas.holdsLease) continue;
      world.fail(
        NAME,
        `${node.name} leads ${replica.topic}-${replica.index} in epoch ${replica.leaderEpoch} with a lease, ${sinceUs / 1e6} s after that epoch ended`,
      );
    }
  }

  replicaMoved(hosted: HostedReplica): void {
    const { leadership, leaderEpoch } = hosted.replica;
    if (leadership === hosted.before.leadership && leaderEpoch === hosted.before.leaderEpoch) return;
    if (leadership === undefined) this.replicaClosed(hosted);
    else {
      this.leaders.add(hosted);
      this.compareEpoch(hosted);
    }
  }

  replicaClosed(hosted: HostedReplica): void {
    this.leaders.delete(hosted);
    this.superseded.delete(hosted);
  }

  private compareEpoch(leader: HostedReplica): void {
    const { topicId, index, leaderEpoch } = leader.replica;
    const { id, roles } = leader.node;
    const registration = { leader: id, brokerEpoch: roles?.broker?.replicas.brokerEpoch };
    const endUs = endOf(this.begins.get(`${topicId}-${index}`) ?? [], leaderEpoch, registration);
    if (endUs === undefined) this.superseded.delete(leader);
    else this.superseded.set(leader, endUs);
  }

  private checkFenced(node: SimNode): void {
    const replicas = node.roles?.broker?.replicas;
    if (replicas === undefined || this.fenced.get(node.id) !== replicas.brokerEpoch) return;
    if (replicas.holdsLease)
      this.scope.world.fail(NAME, `${node.name} holds a lease, but it is fenced because it was silent`);
  }

  private imageMoved(image: MetadataImage): void {
    const before = this.image;
    this.brokersMoved(before, image);
    this.image = image;
    if (before?.topics === image.topics) return;
    for (const name of image.topicNames) {
      const { id, partitions } = image.topic(name)!;
      partitions.forEach(({ leaderEpoch, leader }, index) => {
        const key = `${id}-${index}`;
        const begins = this.begins.get(key) ?? [];
        this.begins.set(key, begins);
        const brokerEpoch = image.broker(leader)?.epoch;
        begins[leaderEpoch] ??= { atUs: this.scope.world.nowUs, leader, brokerEpoch };
      });
    }
    for (const leader of this.leaders) this.compareEpoch(leader);
  }

  /**
   * If a fence has the same quorum epoch as the end of the session, the same controller decided both. Then
   * the controller fenced the broker because it was silent. If the epochs differ, the checker does not know
   * why the controller fenced the broker.
   */
  private brokersMoved(before: MetadataImage | undefined, image: MetadataImage): void {
    if (before?.brokers === image.brokers) return;
    for (const { id, epoch, fenced } of image.brokers.values()) {
      if (!fenced || this.fenced.get(id) !== epoch) this.fenced.delete(id);
      const was = before?.broker(id);
      // The broker has registered again or is unfenced now, so its next fence has another reason: forget the
      // end of its session. (If the broker was already fenced when its session ended, that fence has another
      // reason, too.)
      if (was?.epoch !== epoch || (was.fenced && !fenced)) this.silent.delete(id);
      if (!fenced || was?.fenced !== false) continue;
      const isForSilence = was.epoch === epoch && this.silent.get(id) === image.epoch;
      this.silent.delete(id);
      if (!isForSilence) continue;
      this.fenced.set(id, epoch);
      const node = this.scope.cluster.node(id);
      if (node !== undefined) this.checkFenced(node);
    }
  }
}

/** A broker's process. Two processes can have the same id, but never the same broker epoch. */
interface Registration {
  readonly leader: NodeId;
  readonly brokerEpoch: BrokerEpoch | undefined;
}

interface Begin extends Registration {
  readonly atUs: Micros;
}

/**
 * The time from which another process may lead: when the next leader epoch began, as far as the checker has
 * seen it. If the epochs directly after this one have the same process as leader, this function skips them:
 * the leader only lags behind the metadata, and no other process leads.
 */
function endOf(
  begins: readonly Begin[],
  epoch: LeaderEpoch,
  { leader, brokerEpoch }: Registration,
): Micros | undefined {
  let isSame = true;
  for (let later = epoch + 1; later < begins.length; later++) {
    const begin = begins[later];
    isSame &&= begin?.leader === leader && begin.brokerEpoch === brokerEpoch;
    if (begin !== undefined && !isSame) return begin.atUs;
  }
  return undefined;
}
