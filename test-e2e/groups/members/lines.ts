/**
 * The code that the member programs in JavaScript share: they print lines on standard output, wait for the
 * end of standard input, and remember partitions and offsets.
 */
import { writeSync } from 'node:fs';
import type { MemberLine } from '../member-lines.ts';

type WithoutTime<T> = T extends unknown ? Omit<T, 't'> : never;

export function emit(line: WithoutTime<MemberLine>): void {
  const { e, ...rest } = line;
  // Writes synchronously, so that the line is out before the member does its next step.
  const bytes = Buffer.from(`${JSON.stringify({ e, t: Date.now(), ...rest })}\n`);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

/** Resolves when the parent closes standard input. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    process.stdin.resume();
    process.stdin.once('end', resolve);
    process.stdin.once('close', resolve);
  });
}

export function errorText(error: unknown): string {
  const { message, errors } = error as Error & { errors?: readonly Error[] };
  return [message, ...(errors ?? []).map(errorText)].join(': ').slice(0, 300);
}

/** The number n that the writer gave the record. The value of the record begins with "NAME n ". */
export function numberOf(value: Buffer | null): number {
  return Number(value?.toString('latin1').split(' ', 2)[1] ?? -1);
}

/** The partitions that the member owns; prints each change. */
export class Owned {
  #partitions: ReadonlySet<number> = new Set();
  readonly #positions = new Map<number, number>();

  has(partition: number): boolean {
    return this.#partitions.has(partition);
  }

  get all(): number[] {
    return [...this.#partitions].sort((a, b) => a - b);
  }

  /** The offset that the member processes next in this ownership; 0 if `advance` was not called. */
  position(partition: number): number {
    return this.#positions.get(partition) ?? 0;
  }

  hasPosition(partition: number): boolean {
    return this.#positions.has(partition);
  }

  advance(partition: number, next: number): void {
    this.#positions.set(partition, next);
  }

  /** Replaces the partitions. Prints the partitions that the member no longer owns, and then the new ones. */
  become(partitions: readonly number[], how: 'revoked' | 'lost' = 'revoked'): void {
    const next = new Set(partitions);
    const gone = this.all.filter((partition) => !next.has(partition));
    const added = [...next].filter((partition) => !this.#partitions.has(partition)).sort((a, b) => a - b);
    this.#partitions = next;
    for (const partition of gone) this.#positions.delete(partition);
    if (gone.length > 0) emit({ e: how, p: gone });
    if (added.length > 0) emit({ e: 'assigned', p: added });
  }
}

/** The offsets up to which the member has processed records and has not committed yet. */
export class Pending {
  readonly #offsets = new Map<number, number>();
  readonly #everyMs: number;
  #nextMs = 0;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  processed(partition: number, lastOffset: number): void {
    this.#offsets.set(partition, lastOffset + 1);
  }

  get isDue(): boolean {
    return this.#offsets.size > 0 && Date.now() >= this.#nextMs;
  }

  /** Returns the pending offsets of the partitions that the member owns. Forgets all pending offsets. */
  take(owned: Owned): [partition: number, offset: number][] {
    const taken = [...this.#offsets].filter(([partition]) => owned.has(partition));
    this.#offsets.clear();
    this.#nextMs = Date.now() + this.#everyMs;
    return taken;
  }

  clear(): void {
    this.#offsets.clear();
  }
}

/**
 * Calls `send`, which commits the offsets, and prints the result. Resolves with the error if there was one.
 */
export async function commitAndTell(
  offsets: readonly (readonly [partition: number, offset: number])[],
  send: () => Promise<void>,
): Promise<unknown> {
  if (offsets.length === 0) return undefined;
  const o = Object.fromEntries(offsets);
  try {
    await send();
    emit({ e: 'commit', o });
    return undefined;
  } catch (error) {
    emit({ e: 'commit', o, m: errorText(error) });
    return error;
  }
}
