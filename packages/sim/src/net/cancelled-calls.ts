/**
 * Cancels single calls, for faults. The connection of the call stays open, and its other calls continue. With
 * gRPC this can happen at any time: a caller's deadline passes, or a proxy resets the call's HTTP/2 stream.
 */
import type { RpcError } from '@millrace/base';
import type { Micros, World } from '../world/index.ts';

export interface Cancellation {
  /**
   * `before`: the call never reaches its receiver. `during`: the receiver handles it, and the caller never
   * gets the answer. `after`: the answer arrives, and the caller gets an error in its place.
   */
  readonly when: 'before' | 'during' | 'after';
  /** Time from the call until its caller gets the error. Not used with `after`. */
  readonly afterUs: Micros;
  readonly kind: RpcError['kind'];
}

/** Draws which calls of a machine are cancelled. */
export interface CancelRule {
  /** The caller's machine. */
  readonly from: string;
  readonly untilUs: Micros;
  /** Undefined: this rule does not cancel the call. */
  draw(method: string): Cancellation | undefined;
}

export class CancelledCalls {
  private readonly world: World;
  private rules: CancelRule[] = [];

  constructor(world: World) {
    this.world = world;
  }

  add(rule: CancelRule): void {
    this.rules.push(rule);
  }

  clear(): void {
    this.rules = [];
  }

  of(from: string, method: string): Cancellation | undefined {
    if (this.rules.length === 0) return undefined;
    this.rules = this.rules.filter(({ untilUs }) => this.world.nowUs < untilUs);
    for (const rule of this.rules) {
      const cancellation = rule.from === from ? rule.draw(method) : undefined;
      if (cancellation === undefined) continue;
      this.world.count(`call cancelled ${cancellation.when} handling`);
      return cancellation;
    }
    return undefined;
  }
}
