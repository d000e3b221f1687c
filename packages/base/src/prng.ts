/**
 * A seeded generator of random numbers. It uses only integers, so it gives the same numbers on every machine.
 * xoshiro128** (Blackman and Vigna, 2018), seeded through splitmix32.
 */
import { assert } from './assert.ts';
import { type Uuid, uuidFromBytes } from './ids.ts';
import type { Random } from './seams.ts';

export class Prng implements Random {
  private readonly state = new Uint32Array(4);
  private readonly seed: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    let x = this.seed;
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) >>> 0;
      this.state[i] = mix(x);
    }
  }

  u32(): number {
    const s = this.state;
    const result = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotate(s[3]!, 11);
    return result;
  }

  below(limit: number): number {
    return drawBelow(limit, () => this.u32());
  }

  uuid(): Uuid {
    return randomUuid(() => this.u32());
  }

  fork(name: string): Prng {
    let hash = this.seed ^ 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return new Prng(mix(hash >>> 0));
  }
}

/** A fair draw of 0 … `limit` - 1 from draws of 32 bits. */
export function drawBelow(limit: number, u32: () => number): number {
  assert(limit >= 1 && limit <= 0x1_0000_0000, 'below: limit in 1 .. 2^32');
  // 2^32 is not a multiple of every limit. Draws at or above the largest multiple of the limit would make
  // small results more likely.
  const fair = Math.floor(0x1_0000_0000 / limit) * limit;
  for (;;) {
    const draw = u32();
    if (draw < fair) return draw % limit;
  }
}

/** A version 4 id whose text does not start with '-': such a text would look like a command line option. */
export function randomUuid(u32: () => number): Uuid {
  for (;;) {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < 16; i += 4) view.setUint32(i, u32());
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const uuid = uuidFromBytes(bytes);
    if (!uuid.startsWith('-')) return uuid;
  }
}

function rotate(x: number, k: number): number {
  return ((x << k) | (x >>> (32 - k))) >>> 0;
}

function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
