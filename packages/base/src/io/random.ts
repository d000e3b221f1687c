/** Random from the system's generator, drawn in blocks. */
import { randomFillSync } from 'node:crypto';
import { assert } from '../assert.ts';
import type { Uuid } from '../ids.ts';
import { randomUuid } from '../prng.ts';
import type { Random } from '../seams.ts';

const BLOCK = 256;

export class NodeRandom implements Random {
  readonly #block = new Uint32Array(BLOCK);
  #next = BLOCK;

  u32(): number {
    if (this.#next === BLOCK) {
      randomFillSync(this.#block);
      this.#next = 0;
    }
    return this.#block[this.#next++]!;
  }

  below(limit: number): number {
    assert(limit >= 1 && limit <= 0x1_0000_0000, 'below: limit in 1 .. 2^32');
    // 2^32 is not a multiple of every limit. Reject draws from the largest multiple on: they would make small
    // numbers more likely.
    const fair = Math.floor(0x1_0000_0000 / limit) * limit;
    for (;;) {
      const draw = this.u32();
      if (draw < fair) return draw % limit;
    }
  }

  uuid(): Uuid {
    return randomUuid(() => this.u32());
  }

  /** Returns this source: all its draws are independent anyway. */
  fork(): Random {
    return this;
  }
}
