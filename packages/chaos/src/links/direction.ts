/**
 * One direction of a connection: what its source sends arrives at its target in order, when the link lets it.
 * The opening of the connection and its end travel like bytes: a silent link holds them back, too.
 *
 * The direction stops reading its source while it holds bytes that it cannot pass on. It reads ahead only for
 * a delay, and then at most `DELAYED_BYTES_MAX`. So the source feels a slow target as it would without proxy.
 */
import type { Socket } from 'node:net';
import { reset } from './reset.ts';
import type { Link } from './rules.ts';

/** What is under way on a link that delays. The reads of one connection are no faster than this per delay. */
export const DELAYED_BYTES_MAX = 1024 * 1024;
/** Counts for each held item, so that many small reads cannot take much more memory than they count. */
const ITEM_BYTES = 200;

/** `end`: the source sends no more. `reset`: the source is gone. */
type Item =
  | { readonly kind: 'open' | 'end' | 'reset'; readonly atMs: number }
  | { readonly kind: 'bytes'; readonly atMs: number; bytes: Uint8Array };

export class Direction {
  readonly #link: () => Link;
  readonly #openTarget: () => Socket;
  readonly #held: Item[] = [];
  #heldBytes = 0;
  #source: Socket | undefined;
  #target: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * `link`: the link at this moment. `openTarget`: opens the target when the opening of the connection has
   * passed the link.
   */
  constructor(link: () => Link, openTarget: () => Socket) {
    this.#link = link;
    this.#openTarget = openTarget;
  }

  /** Lets the opening of the connection travel to the target. */
  open(): void {
    this.#hold({ kind: 'open', atMs: performance.now() });
  }

  /** Passes on what `source` sends. */
  readFrom(source: Socket): void {
    this.#source = source;
    let hasEnded = false;
    source.on('data', (bytes: Buffer) => this.#hold({ kind: 'bytes', atMs: performance.now(), bytes }));
    source.on('end', () => {
      hasEnded = true;
      this.#hold({ kind: 'end', atMs: performance.now() });
    });
    source.on('close', (hadError) => {
      if (hadError || !hasEnded) this.#hold({ kind: 'reset', atMs: performance.now() });
    });
    this.pass();
  }

  writeTo(target: Socket): void {
    this.#target = target;
    target.on('drain', () => this.pass());
    target.on('close', () => this.pass());
  }

  /** Passes on what the link lets pass now. To be called after each change of the link. */
  pass(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isClosed) return;
    while (this.#held.length > 0 && this.#passFirst());
    this.#pauseOrResume();
  }

  /** Forgets what it holds. */
  close(): void {
    this.#isClosed = true;
    this.#held.length = 0;
    this.#heldBytes = 0;
    clearTimeout(this.#timer);
  }

  #hold(item: Item): void {
    if (this.#isClosed) return;
    this.#held.push(item);
    this.#heldBytes += ITEM_BYTES + (item.kind === 'bytes' ? item.bytes.length : 0);
    // Only the first item can pass. If another one waits, then a timer or an event will wake it.
    if (this.#held.length === 1) this.pass();
    else this.#pauseOrResume();
  }

  /** Returns false if the first item, or a part of it, must wait. */
  #passFirst(): boolean {
    const item = this.#held[0]!;
    const { rule } = this.#link();
    if (rule.state !== 'open') return false;
    const earlyMs = item.atMs + (rule.delayMs ?? 0) - performance.now();
    if (earlyMs > 0) return this.#passIn(earlyMs);
    if (item.kind === 'bytes') return this.#passBytes(item);
    this.#shift(0);
    if (item.kind === 'open') this.writeTo(this.#openTarget());
    else if (item.kind === 'end') this.#target?.end();
    else if (this.#target !== undefined) reset(this.#target);
    return true;
  }

  #passBytes(item: Item & { kind: 'bytes' }): boolean {
    const target = this.#target;
    // Bytes for a target that is gone are lost. Only the other direction may tell the source about it.
    if (target === undefined || target.destroyed || target.writableEnded) {
      this.#shift(item.bytes.length);
      return true;
    }
    if (target.writableNeedDrain) return false;
    const link = this.#link();
    const nowMs = performance.now();
    const count = link.take(item.bytes.length, nowMs);
    if (count > 0) target.write(item.bytes.subarray(0, count));
    if (count === item.bytes.length) {
      this.#shift(count);
      return true;
    }
    this.#heldBytes -= count;
    item.bytes = item.bytes.subarray(count);
    return this.#passIn(link.waitMs(item.bytes.length, nowMs));
  }

  #shift(bytes: number): void {
    this.#held.shift();
    this.#heldBytes -= ITEM_BYTES + bytes;
  }

  #passIn(ms: number): false {
    this.#timer = setTimeout(() => this.pass(), Math.ceil(ms));
    return false;
  }

  #pauseOrResume(): void {
    const source = this.#source;
    if (source === undefined || source.destroyed) return;
    const { rule } = this.#link();
    const heldMax = (rule.delayMs ?? 0) > 0 ? DELAYED_BYTES_MAX : 0;
    if (rule.state === 'open' && this.#heldBytes <= heldMax) source.resume();
    else source.pause();
  }
}
