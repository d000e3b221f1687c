/**
 * A leader takes and commits writes while enough of its replicas work. The condition: no fault touches these
 * nodes, nor their links to the leader and to the controllers:
 *
 * - a majority of the controllers, among them the active controller if there is one;
 * - the leader;
 * - as many replicas as min.insync.replicas asks for, the leader included.
 *
 * The promise has five parts:
 *
 * - the leader knows that it leads;
 * - it holds a lease;
 * - its disk has room;
 * - its ISR has at least min.insync.replicas members;
 * - its high watermark reaches every offset that its log end offset had reached before.
 *
 * The checker fails the run if the promise is broken for longer than `writesWithinUs` while the condition
 * holds. The time begins when the promise is broken and the condition holds. It starts again when the
 * metadata name another leader.
 */
import type { Offset } from '@millrace/base';
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import type { Micros } from '../../world/index.ts';
import type { StateCheckerKind } from '../checker.ts';
import { membersText } from '../image/partition-steps.ts';
import { AvailabilityChecker } from './availability-checker.ts';
import { writesWithinUs } from './patience.ts';

const NAME = 'writes-unavailable';

export const writesUnavailable: StateCheckerKind = {
  name: NAME,
  sentence:
    'while faults spare a leader, a majority of the controllers and min.insync.replicas of the replicas, the leader commits writes in time',
  make: (scope) => new WritesUnavailable(scope),
};

interface Trouble {
  readonly what: string;
  readonly leader: SimNode;
  readonly sinceUs: Micros;
}

class WritesUnavailable extends AvailabilityChecker {
  private lagTimeMaxMs = 0;
  private readonly troubles = new Map<string, Trouble>();
  /** By partition, the log end that the high watermark must reach, and since when. */
  private readonly targets = new Map<string, { readonly offset: Offset; readonly sinceUs: Micros }>();

  override turn(node: SimNode): void {
    const lag = node.roles?.broker?.replicas.options.config.replicaLagTimeMaxMs ?? 0;
    if (lag > this.lagTimeMaxMs) this.lagTimeMaxMs = lag;
    super.turn(node);
  }

  protected override check(place: PartitionPlace, quorum: readonly SimNode[] | undefined): void {
    const { world, cluster, metadata } = this.scope;
    const key = `${place.topicId}-${place.partition}`;
    const leader = cluster.node(place.image.leader);
    const found = leader === undefined ? undefined : this.troubleOf(key, place, leader);
    if (leader === undefined || found === undefined) {
      this.troubles.delete(key);
      return;
    }
    const before = this.troubles.get(key);
    const isSame = before?.leader === leader;
    const trouble = {
      ...found,
      leader,
      sinceUs: isSame ? Math.min(before.sinceUs, found.sinceUs) : world.nowUs,
    };
    this.troubles.set(key, trouble);
    const times = quorum === undefined ? [] : this.calmReplicas(place, leader, quorum);
    const needed = cluster.replica(leader, place.topicId, place.partition)?.minIsrEffective;
    if (times.length < (needed ?? place.image.replicas.length) || this.scope.isExempt(place)) return;
    const isWhole = times.length === place.image.replicas.length;
    const calmUs = isWhole ? times.at(-1)! : times[(needed ?? 1) - 1]!;
    const lastedUs = world.nowUs - Math.max(trouble.sinceUs, calmUs);
    if (lastedUs <= writesWithinUs(metadata, isWhole ? 0 : this.lagTimeMaxMs)) return;
    world.fail(
      NAME,
      `${leader.name} leads ${place.topic}-${place.partition} and commits nothing for ${lastedUs / 1e6} s: ${trouble.what} (${membersText(place.image)})`,
    );
  }

  /** What keeps the leader from committing, and since when. Undefined if the checker sees no obstacle. */
  private troubleOf(
    key: string,
    place: PartitionPlace,
    leader: SimNode,
  ): { readonly what: string; readonly sinceUs: Micros } | undefined {
    const { world, cluster } = this.scope;
    const sinceUs = world.nowUs;
    const replica = cluster.replica(leader, place.topicId, place.partition);
    const replicas = leader.roles?.broker?.replicas;
    if (replicas === undefined || replica?.leadership === undefined)
      return { what: 'it does not know that it leads', sinceUs };
    if (!replicas.holdsLease) return { what: 'it holds no lease', sinceUs };
    if (replica.shortage !== undefined) return { what: `it has no room (${replica.shortage})`, sinceUs };
    if (replica.isr.length < replica.minIsrEffective)
      return { what: `its ISR ${replica.isr.join()} is too small`, sinceUs };
    const target = this.targets.get(key);
    if (
      target === undefined ||
      replica.highWatermark >= target.offset ||
      replica.log.endOffset < target.offset
    )
      this.targets.set(key, { offset: replica.log.endOffset, sinceUs });
    else
      return {
        what: `its high watermark is ${replica.highWatermark}, below ${target.offset}`,
        sinceUs: target.sinceUs,
      };
    return undefined;
  }

  /**
   * For each replica that no fault touches, the leader included: since when no fault has touched the replica,
   * the leader, the quorum and the links between them. The times are in ascending order. The list is empty if
   * a fault touches the leader or its links to the quorum.
   */
  private calmReplicas(
    place: PartitionPlace,
    leader: SimNode,
    quorum: readonly SimNode[],
  ): readonly Micros[] {
    const core = [leader, ...quorum.filter((one) => one !== leader)];
    if (this.scope.calm.togetherSinceUs(core) === undefined) return [];
    return place.image.replicas
      .map((id) => this.replicaSinceUs(place, id, core))
      .filter((since) => since !== undefined)
      .sort((a, b) => a - b);
  }
}
