/** Random numbers from the operating system's generator. This source draws them in blocks. */
import { randomFillSync } from 'node:crypto';
import type { Uuid } from '../ids.ts';
import { drawBelow, randomUuid } from '../prng.ts';
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
    return drawBelow(limit, this);
  }

  uuid(): Uuid {
    return randomUuid(() => this.u32());
  }

  /**
   * Returns this source. Its draws follow from no seed, so the draws of one component cannot change those of
   * another.
   */
  fork(): Random {
    return this;
  }
}
