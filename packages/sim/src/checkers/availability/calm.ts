/**
 * Knows which processes no fault touches, and since when. The checkers of availability share this knowledge,
 * and demand something only of untouched processes.
 *
 * - Each fault says which machines it touches, and for how long (`Strike`, faults/fault.ts).
 * - A process is touched while it is down, paused or stopping, and while its disk is damaged or failing.
 * - The link between two machines is touched while it is cut, in one direction or both.
 * - A controller whose disk was replaced is no longer a voter, so it counts as touched for ever.
 */
import type { SimCluster, SimNode } from '../../cluster/index.ts';
import type { TouchedMachines } from '../../faults/index.ts';
import type { Link } from '../../net/index.ts';
import type { Life, Micros } from '../../world/index.ts';

/** Two nodes, with the links of both directions between them. */
interface Pair {
  readonly key: string;
  readonly links: readonly Link[];
}

export class Calm {
  /**
   * The calm majority of the controllers at the last look. All its members were untouched and reached each
   * other. The active controller, if there was one, is a member. Undefined if there was no such majority.
   */
  quorum: readonly SimNode[] | undefined;
  private readonly cluster: SimCluster;
  private readonly touched: TouchedMachines;
  private lookedUs: Micros = -1;
  private readonly calmSince = new Map<SimNode, { readonly life: Life; readonly sinceUs: Micros }>();
  private readonly linkedSince = new Map<string, Micros>();
  /** All pairs of nodes, listed at the first look. */
  private pairs: readonly Pair[] | undefined;

  constructor(cluster: SimCluster, touched: TouchedMachines) {
    this.cluster = cluster;
    this.touched = touched;
  }

  /** Looks at everything, at most once at each moment. Call it before the methods below. */
  look(): void {
    const { nowUs } = this.cluster.world;
    if (nowUs === this.lookedUs) return;
    this.lookedUs = nowUs;
    for (const node of this.cluster.nodes) {
      const { life } = node;
      if (life === undefined || this.isTouched(node, life)) this.calmSince.delete(node);
      else if (this.calmSince.get(node)?.life !== life) this.calmSince.set(node, { life, sinceUs: nowUs });
    }
    this.pairs ??= pairsOf(this.cluster);
    for (const { key, links } of this.pairs)
      if (links.some(({ isCut }) => isCut)) this.linkedSince.delete(key);
      else if (!this.linkedSince.has(key)) this.linkedSince.set(key, nowUs);
    this.quorum = this.findQuorum();
  }

  /** Since when no fault has touched the process of the node. Undefined if a fault touches it now. */
  sinceUs(node: SimNode): Micros | undefined {
    return this.calmSince.get(node)?.sinceUs;
  }

  /**
   * Since when all of these nodes have been untouched and have reached each other. Undefined if a fault
   * touches one of them or a link between them now.
   */
  togetherSinceUs(nodes: readonly SimNode[]): Micros | undefined {
    let since = 0;
    for (const [index, a] of nodes.entries()) {
      const own = this.sinceUs(a);
      if (own === undefined) return undefined;
      since = Math.max(since, own);
      for (const b of nodes.slice(index + 1)) {
        const linked = this.linkedSince.get(a.id < b.id ? `${a.name} ${b.name}` : `${b.name} ${a.name}`);
        if (linked === undefined && a !== b) return undefined;
        since = Math.max(since, linked ?? 0);
      }
    }
    return since;
  }

  isCut(a: SimNode, b: SimNode): boolean {
    const { network } = this.cluster;
    return network.link(a.name, b.name).isCut || network.link(b.name, a.name).isCut;
  }

  private findQuorum(): readonly SimNode[] | undefined {
    const { controllers } = this.cluster;
    const untouched = controllers.filter((node) => this.sinceUs(node) !== undefined);
    const active = this.cluster.activeController();
    // Looks for the largest set: tries all untouched controllers first, then all but one.
    for (let size = untouched.length; size * 2 > controllers.length; size--)
      for (const members of subsets(untouched, size))
        if (active === undefined || members.includes(active))
          if (this.togetherSinceUs(members) !== undefined) return members;
    return undefined;
  }

  private isTouched(node: SimNode, life: Life): boolean {
    if (life.isPaused || node.isStopping || node.disk.isDamaged) return true;
    return this.touched.has(node) || (node.isController && node.disk.wasReplaced);
  }
}

/** Every subset of this size, each in the order of the list. */
function* subsets(list: readonly SimNode[], size: number): Generator<readonly SimNode[], void> {
  if (size === 0) yield [];
  else
    for (const [index, one] of list.entries())
      for (const others of subsets(list.slice(index + 1), size - 1)) yield [one, ...others];
}

function pairsOf({ nodes, network }: SimCluster): Pair[] {
  return nodes.flatMap((a) =>
    nodes
      .filter((b) => a.id < b.id)
      .map((b) => ({
        key: `${a.name} ${b.name}`,
        links: [network.link(a.name, b.name), network.link(b.name, a.name)],
      })),
  );
}
