/**
 * The committed offset of one partition in one group is a register: a commit writes it, a fetch reads it. In
 * a linearizable register each operation takes effect once, at one moment between its beginning and its end.
 * From the history, this file computes which commits each fetch may show. If any order of the operations
 * explains a fetch, no checker reports the fetch.
 */
import type { HistoryScope } from './checker.ts';
import type { CommitOp, FetchOffsetOp, Micros, Op, PartitionRef } from './history.ts';

export const OFFSETS_TOPIC = '__consumer_offsets';

/** A fetch, and what the rest of the history says about it. */
export interface JudgedFetch {
  readonly fetch: FetchOffsetOp;
  /** The commits of the fetched value that began before the fetch ended. */
  readonly candidates: readonly CommitOp[];
  /**
   * An acknowledged commit that the fetch should have shown: this commit is not among the candidates, and no
   * candidate can have replaced it. Undefined: there is no such commit.
   */
  readonly lost: CommitOp | undefined;
  /** An earlier fetch that showed a later value. Undefined: there is no such fetch. */
  readonly later: FetchOffsetOp | undefined;
}

interface Register {
  readonly commits: CommitOp[];
  readonly fetches: FetchOffsetOp[];
}

/** Gathers the operations of all groups, and judges the fetches at the end. */
export class OffsetRegisters {
  private readonly scope: HistoryScope;
  private readonly registers = new Map<string, Register>();
  /** The names of the topics for which some operation had a topic id. */
  private readonly known = new Set<string>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type !== 'commit' && op.type !== 'fetch-offset') return;
    if (op.topicId !== undefined) this.known.add(op.topic);
    const register = this.ensure(keyOf(op, op.topicId ?? op.topic));
    if (op.type === 'fetch-offset') register.fetches.push(op);
    else if (op.outcome !== 'fail') register.commits.push(op);
  }

  /** Every fetch that the scope does not exempt, and whose topic is certain. */
  *judged(): Generator<JudgedFetch> {
    if (this.scope.isExempt({ topic: OFFSETS_TOPIC, topicId: undefined })) return;
    for (const { fetches, commits } of this.registers.values()) {
      const [first] = fetches;
      if (first === undefined || this.scope.isExempt(first)) continue;
      const { topic, topicId } = first;
      // Without an id, the fetch may show the offset of any topic of this name.
      if (topicId === undefined && this.known.has(topic)) continue;
      const strays = topicId === undefined ? [] : (this.registers.get(keyOf(first, topic))?.commits ?? []);
      yield* judge(fetches, commits, strays);
    }
  }

  private ensure(key: string): Register {
    let register = this.registers.get(key);
    if (register === undefined) {
      register = { commits: [], fetches: [] };
      this.registers.set(key, register);
    }
    return register;
  }
}

function keyOf({ group, partition }: CommitOp | FetchOffsetOp, topic: string): string {
  return `${group}/${topic}-${partition}`;
}

/** `strays`: commits without a topic id. They may have reached another topic of the same name. */
function* judge(
  fetches: readonly FetchOffsetOp[],
  commits: readonly CommitOp[],
  strays: readonly CommitOp[],
): Generator<JudgedFetch> {
  const byValue = Map.groupBy([...commits, ...strays], shownValue);
  const acknowledged = commits.filter(isCertain).sort((a, b) => a.endedUs - b.endedUs);
  const strayed = new Set(strays);
  const lastUs = (commit: CommitOp) =>
    isCertain(commit) && !strayed.has(commit) ? commit.endedUs : Number.POSITIVE_INFINITY;
  const shown = new ShownValues();
  let newest: CommitOp | undefined;
  let next = 0;
  for (const fetch of [...fetches].sort((a, b) => a.invokedUs - b.invokedUs)) {
    for (; next < acknowledged.length && acknowledged[next]!.endedUs < fetch.invokedUs; next++)
      if (newest === undefined || acknowledged[next]!.invokedUs > newest.invokedUs)
        newest = acknowledged[next]!;
    const all = byValue.get(shownValue(fetch)) ?? [];
    const candidates = all.filter(({ invokedUs }) => invokedUs < fetch.endedUs);
    const present = newest === undefined ? [] : candidates.filter((one) => lastUs(one) >= newest!.invokedUs);
    const lost = newest !== undefined && present.length === 0 ? newest : undefined;
    const possible = newest === undefined ? candidates : present;
    yield { fetch, candidates, lost, later: shown.laterThan(fetch, possible, lastUs) };
    shown.add(fetch, possible);
  }
}

interface Shown {
  readonly fetch: FetchOffsetOp;
  /** The commit that wrote the value took effect after this time and before the fetch ended. */
  readonly sinceUs: Micros;
  /** The commit that wrote the value. Undefined: several commits may have written it. */
  readonly commit: CommitOp | undefined;
}

/** The values that fetches have shown. */
class ShownValues {
  private readonly open: Shown[] = [];
  /** The fetch with the largest `sinceUs`, among those that ended before the present fetch began. */
  private newest: Shown | undefined;
  /**
   * Commits whose value one fetch showed and a later fetch no longer showed, each with that later fetch. No
   * fetch after that may show such a commit, because each commit takes effect only once.
   */
  private readonly replaced = new Map<CommitOp, Shown>();
  private readonly current = new Map<CommitOp, Shown>();

  add(fetch: FetchOffsetOp, candidates: readonly CommitOp[]): void {
    if (candidates.length === 0) return;
    const sinceUs = Math.min(...candidates.map(({ invokedUs }) => invokedUs));
    this.open.push({ fetch, sinceUs, commit: candidates.length === 1 ? candidates[0] : undefined });
  }

  laterThan(
    fetch: FetchOffsetOp,
    possible: readonly CommitOp[],
    lastUs: (commit: CommitOp) => Micros,
  ): FetchOffsetOp | undefined {
    this.close(fetch.invokedUs);
    const { newest } = this;
    if (fetch.offset < 0) return newest?.fetch;
    if (possible.length === 0) return undefined;
    if (newest !== undefined && possible.every((commit) => lastUs(commit) < newest.sinceUs))
      return newest.fetch;
    const [only] = possible;
    return possible.length === 1 ? this.replaced.get(only!)?.fetch : undefined;
  }

  /** Moves the fetches that ended before this time out of `open`, in the order in which they ended. */
  private close(beforeUs: Micros): void {
    const over = this.open.filter(({ fetch }) => fetch.endedUs < beforeUs);
    if (over.length === 0) return;
    const rest = this.open.filter(({ fetch }) => fetch.endedUs >= beforeUs);
    this.open.splice(0, this.open.length, ...rest);
    for (const shown of over.sort((a, b) => a.fetch.endedUs - b.fetch.endedUs)) {
      if (this.newest === undefined || shown.sinceUs > this.newest.sinceUs) this.newest = shown;
      for (const [commit, earlier] of this.current)
        if (commit !== shown.commit && shownValue(commit) !== shownValue(shown.fetch))
          if (earlier.fetch.endedUs < shown.fetch.invokedUs) {
            this.current.delete(commit);
            if (!this.replaced.has(commit)) this.replaced.set(commit, shown);
          }
      if (shown.commit !== undefined && !this.replaced.has(shown.commit))
        this.current.set(shown.commit, shown);
    }
  }
}

/** Whether the commit certainly took effect before it ended. */
function isCertain({ outcome }: CommitOp): boolean {
  return outcome === 'ok';
}

function shownValue({ offset, metadata }: CommitOp | FetchOffsetOp): string {
  return `${offset} ${metadata}`;
}

/** `5 (c1-7)` */
export function valueText({ offset, metadata }: CommitOp | FetchOffsetOp): string {
  if (offset < 0) return 'no offset';
  return metadata === '' ? `${offset}` : `${offset} (${metadata})`;
}

export function placeText({ group, topic, partition }: PartitionRef & { readonly group: string }): string {
  return `${topic}-${partition} in group ${group}`;
}

/** `12.345 s` */
export function secondsText(us: Micros): string {
  return `${(us / 1e6).toFixed(3)} s`;
}
