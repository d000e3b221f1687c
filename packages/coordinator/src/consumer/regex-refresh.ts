/**
 * Matches regular expressions against the names of all topics, in slices: the broker serves other requests
 * between them. The topics are those of the metadata at the start.
 */
import type { ShardPort } from '../runtime/machine.ts';
import { type CompiledRegex, compileRegex, type ResolvedRegex } from './regex.ts';

/** A match takes some microseconds, so a slice takes some milliseconds. */
const MATCHES_PER_SLICE = 1_000;

export type ResolvedRegexes = ReadonlyMap<string, ResolvedRegex>;

export class RegexRefresh {
  private readonly shard: ShardPort;
  private readonly done: (resolved: ResolvedRegexes) => void;
  private cancelNext: (() => void) | undefined;

  constructor(shard: ShardPort, done: (resolved: ResolvedRegexes) => void) {
    this.shard = shard;
    this.done = done;
  }

  get isRunning(): boolean {
    return this.cancelNext !== undefined;
  }

  /** Calls `done` in a later turn, unless it is cancelled. */
  start(regexes: Iterable<string>): void {
    this.cancel();
    const image = this.shard.image();
    const timestamp = this.shard.wallMs();
    const matches = [...regexes].map((regex) => new Matches(regex));
    this.soon(new Scan(image.topicNames, matches), () => {
      const resolved = matches.map(
        ({ regex, topics }) => [regex, { topics, version: image.offset, timestamp }] as const,
      );
      this.done(new Map(resolved));
    });
  }

  cancel(): void {
    this.cancelNext?.();
    this.cancelNext = undefined;
  }

  private soon(scan: Scan, finished: () => void): void {
    this.cancelNext = this.shard.after(0, () => {
      this.cancelNext = undefined;
      if (scan.slice()) finished();
      else this.soon(scan, finished);
    });
  }
}

class Matches {
  readonly regex: string;
  readonly topics = new Set<string>();
  private readonly compiled: CompiledRegex | undefined;

  /** Another version of the broker may have accepted an expression that this one cannot compile. */
  constructor(regex: string) {
    this.regex = regex;
    this.compiled = compileRegex(regex);
  }

  add(topicName: string): void {
    if (this.compiled?.matches(topicName)) this.topics.add(topicName);
  }
}

class Scan {
  private readonly names: readonly string[];
  private readonly matches: readonly Matches[];
  private next = 0;

  constructor(names: readonly string[], matches: readonly Matches[]) {
    this.names = names;
    this.matches = matches;
  }

  /** True if every name is matched. */
  slice(): boolean {
    const names = Math.ceil(MATCHES_PER_SLICE / Math.max(1, this.matches.length));
    const end = Math.min(this.names.length, this.next + names);
    for (; this.next < end; this.next++)
      for (const matches of this.matches) matches.add(this.names[this.next]!);
    return this.next === this.names.length;
  }
}
