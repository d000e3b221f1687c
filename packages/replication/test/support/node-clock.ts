/**
 * A node's view of the clock that all nodes of a test share. A frozen (SIGSTOP) or dead (SIGKILL) node runs
 * no callback.
 */
import type { Clock, Millis, Timer, WallMillis } from '@millrace/base';
import type { ManualClock } from '@millrace/base/testing';

export class NodeClock implements Clock {
  isFrozen = false;
  isDead = false;
  private readonly world: ManualClock;
  private held: (() => void)[] = [];

  constructor(world: ManualClock) {
    this.world = world;
  }

  monotonicMs(): Millis {
    return this.world.monotonicMs();
  }

  wallMs(): WallMillis {
    return this.world.wallMs();
  }

  setTimer(delayMs: Millis, callback: () => void): Timer {
    let isCancelled = false;
    const timer = this.world.setTimer(delayMs, () =>
      this.run(() => {
        if (!isCancelled) callback();
      }),
    );
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  soon(callback: () => void): void {
    this.world.soon(() => this.run(callback));
  }

  /** Runs the callback as this node: now, when the node thaws, or never. */
  run(callback: () => void): void {
    if (this.isDead) return;
    if (this.isFrozen) this.held.push(callback);
    else callback();
  }

  thaw(): void {
    this.isFrozen = false;
    const { held } = this;
    this.held = [];
    for (const callback of held) this.world.setTimer(0, () => this.run(callback));
  }
}
