/**
 * A seeded generator of random numbers. It uses only integers, so it gives the same numbers on every machine.
 * xoshiro128** (Blackman and Vigna, 2018), seeded through splitmix32.
 */
import { assert } from './assert.ts';
import { type Uuid, uuidFromBytes } from './ids.ts';
import type { Random } from './seams.ts';

/** The increment of splitmix32. */
const GAMMA = 0x9e3779b9;

export class Prng implements Random {
  private readonly seed: number;
  /** The state: four signed 32-bit numbers. */
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.a = mix(this.seed + GAMMA) | 0;
    this.b = mix(this.seed + 2 * GAMMA) | 0;
    this.c = mix(this.seed + 3 * GAMMA) | 0;
    this.d = mix(this.seed + 4 * GAMMA) | 0;
  }

  u32(): number {
    const { a, b } = this;
    const c = this.c ^ a;
    const d = this.d ^ b;
    this.a = a ^ d;
    this.b = b ^ c;
    this.c = c ^ (b << 9);
    this.d = rotate(d, 11);
    return Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
  }

  below(limit: number): number {
    return drawBelow(limit, this);
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

/** Draws a whole number from 0 to `limit` - 1, each with the same probability, from draws of 32 bits. */
export function drawBelow(limit: number, source: { u32(): number }): number {
  assert(limit >= 1 && limit <= 0x1_0000_0000, 'below: limit in 1 .. 2^32');
  // 2^32 is not a multiple of every limit. If draws at or above the largest multiple of the limit counted,
  // small results would be more likely than large ones.
  const fair = Math.floor(0x1_0000_0000 / limit) * limit;
  for (;;) {
    const draw = source.u32();
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
  return (x << k) | (x >>> (32 - k));
}

function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
