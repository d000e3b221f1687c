/**
 * Synchronous calls of the disk that block. The process waits in the middle of its turn while its clock moves
 * on, and does the rest of the turn late.
 */
import type { Prng } from '@millrace/base';
import { type Life, MILLISECOND, type Micros, type World } from '../world/index.ts';

export type SlowCall = 'read' | 'write';

export interface SlowCallsFault {
  readonly calls: readonly SlowCall[];
  /** One call in this many blocks. */
  readonly oneIn: number;
  /** Longest time of one blocked call. */
  readonly maxMs: number;
  /** No call blocks beyond this time. */
  readonly untilUs: Micros;
}

export class SlowCalls {
  private readonly world: World;
  private readonly random: Prng;
  private fault: SlowCallsFault | undefined;

  constructor(world: World, random: Prng) {
    this.world = world;
    this.random = random;
  }

  set(fault: SlowCallsFault | undefined): void {
    this.fault = fault;
  }

  /** Called by each synchronous call that may block, before the call takes effect. */
  called(life: Life, call: SlowCall): void {
    const { fault, random } = this;
    if (fault === undefined || !life.isInTurn || !fault.calls.includes(call)) return;
    const leftUs = fault.untilUs - this.world.nowUs;
    if (random.below(fault.oneIn) > 0 || leftUs <= 0) return;
    this.world.count(`disk ${call} blocked`);
    life.block(Math.min((1 + random.below(fault.maxMs)) * MILLISECOND, leftUs));
  }
}
