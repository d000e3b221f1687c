/**
 * The machines that faults touch now. `schedule` (run/incident.ts) notes every strike. The checkers of
 * availability demand nothing of these machines.
 */
import type { SimNode } from '../cluster/index.ts';
import { type Micros, SECOND, type World } from '../world/index.ts';
import type { Strike } from './fault.ts';

/** After the end of a fault its effects last at most this much longer. */
const TRACES_US: Micros = SECOND;

export class TouchedMachines {
  private readonly world: World;
  /** The time until which faults touch each machine. */
  private readonly untilUs = new Map<SimNode, Micros>();

  constructor(world: World) {
    this.world = world;
  }

  /** Notes a fault that strikes now. */
  note({ touches, lastsUs }: Strike): void {
    const untilUs = this.world.nowUs + lastsUs + TRACES_US;
    for (const node of touches) this.untilUs.set(node, Math.max(untilUs, this.untilUs.get(node) ?? 0));
  }

  has(node: SimNode): boolean {
    return this.world.nowUs < (this.untilUs.get(node) ?? 0);
  }
}
