/** Restarts every ended process after a while, like systemd or Kubernetes, unless a fault keeps it down. */
import type { Prng } from '@millrace/base';
import type { SimCluster, SimNode } from '../cluster/index.ts';
import { MILLISECOND, type World } from '../world/index.ts';

export class Supervisor {
  /** Whether ended processes start again soon. True in peace, when the faults are over. */
  hurries = false;
  private readonly world: World;
  private readonly random: Prng;

  constructor(world: World, cluster: SimCluster) {
    this.world = world;
    this.random = world.random.fork('supervisor');
    for (const node of cluster.nodes) node.onEnded = () => this.restartLater(node);
  }

  private restartLater(node: SimNode): void {
    const longest = this.hurries ? 300 : [50, 500, 3_000, 8_000][this.random.below(4)]!;
    this.world.after((10 + this.random.below(longest)) * MILLISECOND, () => node.startIfDown());
  }

  /** Starts every process that is down, without delay, even if a fault kept it down. */
  startAll(cluster: SimCluster): void {
    this.hurries = true;
    for (const node of cluster.nodes) {
      node.isHeldDown = false;
      node.startIfDown();
    }
  }
}
