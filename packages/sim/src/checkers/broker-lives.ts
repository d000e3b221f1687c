/** For each broker epoch: the process that has it, and whether this process was killed. */
import type { BrokerEpoch } from '@millrace/base';
import type { SimNode } from '../cluster/index.ts';
import type { Life } from '../world/index.ts';

export class BrokerLives {
  private readonly lives = new Map<BrokerEpoch, Life>();
  /** Processes that an operator asked to stop: they may have marked their logs as clean before they died. */
  private readonly stopping = new Set<Life>();

  turn(node: SimNode): void {
    const { life, roles } = node;
    if (life === undefined) return;
    if (node.isStopping) this.stopping.add(life);
    const epoch = roles?.broker?.replicas.brokerEpoch ?? -1;
    if (epoch >= 0 && !this.lives.has(epoch)) this.lives.set(epoch, life);
  }

  /** The process that registered with this epoch. Undefined: no process has learned this epoch. */
  of(epoch: BrokerEpoch): Life | undefined {
    return this.lives.get(epoch);
  }

  /** Whether the process of this epoch certainly died without a clean stop. */
  wasKilled(epoch: BrokerEpoch): boolean {
    const life = this.lives.get(epoch);
    if (life === undefined || life.isAlive || this.stopping.has(life)) return false;
    return life.death === 'process' || life.death === 'power';
  }
}
