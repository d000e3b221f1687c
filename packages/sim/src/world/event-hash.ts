/**
 * The fingerprint of a run: a hash of its events in order. Two runs with different events almost certainly
 * have different hashes. The hash has two 32-bit lanes with different multipliers. It is not cryptographic.
 */
export class EventHash {
  private a = 0x811c9dc5;
  private b = 0x9e3779b9;
  private readonly names = new Map<string, number>();

  /** Adds a number to the hash: any safe integer. */
  note(value: number): void {
    const low = value | 0;
    const high = (value / 0x1_0000_0000) | 0;
    this.a = Math.imul(this.a ^ low, 0x01000193) ^ high;
    this.b = Math.imul((this.b << 5) ^ (this.b >>> 27) ^ low, 0x85ebca6b) + high;
  }

  /** Adds a text to the hash. The world has few different texts, so this caches the hash of each. */
  name(text: string): void {
    let hash = this.names.get(text);
    if (hash === undefined) {
      hash = hashOf(text);
      this.names.set(text, hash);
    }
    this.note(hash);
  }

  bytes(bytes: Uint8Array): void {
    let { a, b } = this;
    const { length } = bytes;
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
      a = Math.imul(a ^ word, 0x01000193);
      a ^= a >>> 15;
      b = (Math.imul(b, 31) + word) | 0;
    }
    for (; i < length; i++) {
      a = Math.imul(a ^ bytes[i]!, 0x01000193);
      b = (Math.imul(b, 31) + bytes[i]!) | 0;
    }
    this.a = a;
    this.b = b;
  }

  /** 16 hexadecimal digits. */
  get text(): string {
    const hex = (lane: number) => (lane >>> 0).toString(16).padStart(8, '0');
    return hex(this.a) + hex(this.b);
  }
}

/**
 * The number that `EventHash.name` adds for a text. A caller that adds the same text in every turn can
 * compute this number once, and add it with `note`.
 */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
