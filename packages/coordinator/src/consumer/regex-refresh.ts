/**
 * A refresh: matches a group's regular expressions against the names of all topics, in slices. Between the
 * slices the broker serves other requests, and other groups run their slices. All slices use the topic names
 * that the metadata had at the start of the refresh.
 */
import { NEXT_TURN_MS } from '@millrace/base';
import type { ShardPort } from '../runtime/machine.ts';
import { type CompiledRegex, compileRegex, type ResolvedRegex } from './regex.ts';

/**
 * The work of one slice. The unit of work is one instruction of the expression's program, run for one
 * character of a topic's name. A slice takes some milliseconds. Its last match may exceed the limit by about
 * ten milliseconds.
 */
const COST_PER_SLICE = 100_000;
/** The lowest cost of one match, in the unit of COST_PER_SLICE. */
const MATCH_COST_MIN = 100;
/** The cost of compiling an expression, for each character of the expression. */
const COMPILE_COST_PER_CHAR = 100;

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

  /** Starts a refresh. Calls `done` with the result in a later turn, unless `cancel` is called before. */
  start(regexes: Iterable<string>): void {
    this.cancel();
    const image = this.shard.image();
    const timestamp = this.shard.wallMs();
    const scan = new Scan(image.topicNames, [...regexes]);
    this.soon(scan, () => {
      const resolved = [...scan.matched].map(
        ([regex, topics]) => [regex, { topics, version: image.offset, timestamp }] as const,
      );
      this.done(new Map(resolved));
    });
  }

  cancel(): void {
    this.cancelNext?.();
    this.cancelNext = undefined;
  }

  private soon(scan: Scan, finished: () => void): void {
    this.cancelNext = this.shard.inOwnTurn(NEXT_TURN_MS, () => {
      this.cancelNext = undefined;
      if (scan.slice()) finished();
      else this.soon(scan, finished);
    });
  }
}

/** Matches one expression after the other, so it holds one compiled expression at a time. */
class Scan {
  readonly matched = new Map<string, Set<string>>();
  private readonly names: readonly string[];
  private readonly regexes: readonly string[];
  private nextRegex = 0;
  private current: Matches | undefined;

  constructor(names: readonly string[], regexes: readonly string[]) {
    this.names = names;
    this.regexes = regexes;
  }

  /** Runs one slice. Returns true if every expression has been matched against every name. */
  slice(): boolean {
    let cost = 0;
    while (cost < COST_PER_SLICE) {
      if (this.current === undefined) {
        const regex = this.regexes[this.nextRegex++];
        if (regex === undefined) return true;
        this.current = new Matches(regex, this.names);
        this.matched.set(regex, this.current.topics);
        cost += regex.length * COMPILE_COST_PER_CHAR;
      }
      cost += this.current.upTo(COST_PER_SLICE - cost);
      if (this.current.isDone) this.current = undefined;
    }
    return false;
  }
}

class Matches {
  readonly topics = new Set<string>();
  private readonly compiled: CompiledRegex | undefined;
  private readonly names: readonly string[];
  private next = 0;

  /**
   * If this broker cannot compile the expression, which another version of the broker may have accepted, the
   * expression matches no topic.
   */
  constructor(regex: string, names: readonly string[]) {
    this.compiled = compileRegex(regex);
    this.names = names;
  }

  get isDone(): boolean {
    return this.compiled === undefined || this.next === this.names.length;
  }

  /** Matches names until their cost reaches `costMax`. Returns the cost. */
  upTo(costMax: number): number {
    let cost = 0;
    while (!this.isDone && cost < costMax) {
      const { programSize, matches } = this.compiled!;
      const name = this.names[this.next++]!;
      if (matches(name)) this.topics.add(name);
      cost += Math.max(MATCH_COST_MIN, programSize * name.length);
    }
    return cost;
  }
}
