/**
 * Judges what a reader found in the log of a partition after kills. Every acknowledged record must be there,
 * unless compaction or retention may have removed it. The functions are pure, so that a test can plant
 * anomalies.
 *
 * A read is the content of the log at one moment, between `startedMs` and `endedMs`. All times are wall clock
 * times of one machine, on which the writers and the broker run.
 */

/** The settings of a topic that decide which records compaction and retention may remove. */
export interface LogRules {
  /** `cleanup.policy` contains `compact`. */
  readonly isCompacted: boolean;
  /** `retention.ms`, if `cleanup.policy` contains `delete`; undefined: no limit. */
  readonly retentionMs?: number;
  /**
   * `retention.bytes`, if `cleanup.policy` contains `delete`; undefined: no limit. The judge does not support
   * it together with compaction.
   */
  readonly retentionBytes?: number;
  /** `delete.retention.ms` */
  readonly deleteRetentionMs?: number;
  /** `min.compaction.lag.ms` */
  readonly minCompactionLagMs?: number;
}

/** A record of a writer. The writer sends its records in the order of their numbers. */
export interface SentRecord {
  readonly writer: string;
  readonly n: number;
  readonly key: string;
  /** Null: a tombstone. */
  readonly value: string | null;
  readonly timestamp: number;
  /** When the writer first sent the record. */
  readonly sentMs: number;
  /** Undefined: the broker has not acknowledged the record. */
  readonly acked: { readonly offset: number; readonly atMs: number } | undefined;
}

/** A record that the reader got. `id`: see `idOf`. */
export interface ReadRecord {
  readonly offset: number;
  readonly id: string;
  readonly key: string;
  readonly value: string | null;
  readonly timestamp: number;
}

export interface LogRead {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly startOffset: number;
  readonly endOffset: number;
  /** The size of all batches in the log. */
  readonly sizeBytes: number;
  readonly records: readonly ReadRecord[];
}

export interface LogHistory {
  readonly partition: string;
  readonly rules: LogRules;
  readonly sent: readonly SentRecord[];
  /** Oldest first. */
  readonly reads: readonly LogRead[];
}

/** The judge lists at most this many violations of each kind. */
const LISTED_MAX = 4;

/**
 * The id of a record. Each record has its id in a header, so that the reader recognises the record even if it
 * has no value.
 */
export function idOf({ writer, n }: { readonly writer: string; readonly n: number }): string {
  return `${writer}-${n}`;
}

/**
 * The violations as text, each with its kind in front. Lists only the first violations of each kind. The last
 * lines say how many others there are.
 */
export function violationsOf(history: LogHistory): string[] {
  const found = new Violations(history.partition);
  const sent = new Map(history.sent.map((record) => [idOf(record), record]));
  for (const [index, read] of history.reads.entries()) {
    const before = history.reads[index - 1];
    judgeRecords(read, sent, found);
    if (!history.rules.isCompacted) judgeGaps(read, found);
    judgeAcked(read, history, found);
    if (before !== undefined) judgeReturn(before, read, found);
  }
  return found.list();
}

/**
 * Call it after a read without a violation. Returns the sent records that the judge still needs for later
 * reads: all except those that compaction removed. If a removed record comes back, `judgeReturn` notices this
 * from its offset. With fewer records the judge stays quick even after many kills.
 */
export function stillNeeded(sent: readonly SentRecord[], read: LogRead): SentRecord[] {
  const present = new Set(read.records.map(({ offset }) => offset));
  return sent.filter(({ acked }) => {
    if (acked === undefined || acked.atMs >= read.startedMs) return true;
    return acked.offset < read.startOffset || acked.offset >= read.endOffset || present.has(acked.offset);
  });
}

class Violations {
  private readonly partition: string;
  private readonly kinds = new Map<string, string[]>();

  constructor(partition: string) {
    this.partition = partition;
  }

  add(kind: string, message: string): void {
    this.kinds.set(kind, [...(this.kinds.get(kind) ?? []), message]);
  }

  list(): string[] {
    const listed = [...this.kinds].flatMap(([kind, messages]) =>
      messages.slice(0, LISTED_MAX).map((message) => `${kind}: ${this.partition}: ${message}`),
    );
    const more = [...this.kinds].flatMap(([kind, { length }]) =>
      length > LISTED_MAX ? [`more ${kind}: ${length - LISTED_MAX}`] : [],
    );
    return [...listed, ...more];
  }
}

/**
 * Checks that a writer sent every record in the log, that no record is altered or occurs twice, and that each
 * has its acknowledged offset and its place in the order of its writer.
 */
function judgeRecords(read: LogRead, sent: ReadonlyMap<string, SentRecord>, found: Violations): void {
  const seen = new Map<string, number>();
  const newest = new Map<string, SentRecord>();
  let last = -1;
  for (const record of read.records) {
    const { offset, id } = record;
    const original = sent.get(id);
    if (offset <= last || offset < read.startOffset || offset >= read.endOffset)
      found.add('wrong-place', `${id} is read at ${offset}, after ${last}, from a log ${rangeOf(read)}`);
    last = offset;
    if (original === undefined) {
      found.add('never-sent', `${id} is at ${offset}`);
      continue;
    }
    const { key, value, timestamp, acked } = original;
    if (record.key !== key || record.value !== value || record.timestamp !== timestamp)
      found.add('altered', `${id} at ${offset} has another key, value or timestamp than its writer sent`);
    if (acked !== undefined && acked.offset !== offset)
      found.add('wrong-offset', `${id} was acknowledged at ${acked.offset}, and is at ${offset}`);
    const other = seen.get(id);
    if (other !== undefined) found.add('duplicate', `${id} is at ${other} and at ${offset}`);
    seen.set(id, offset);
    const previous = newest.get(original.writer);
    if (previous !== undefined && previous.n > original.n)
      found.add('out-of-order', `${id} at ${offset} lies behind ${idOf(previous)}`);
    newest.set(original.writer, original);
  }
}

/** Checks that every offset of the log has a record. Only for logs without compaction. */
function judgeGaps(read: LogRead, found: Violations): void {
  const offsets = new Set(read.records.map(({ offset }) => offset));
  for (let offset = read.startOffset; offset < read.endOffset; offset++)
    if (!offsets.has(offset)) found.add('gap', `nothing is at ${offset} of a log ${rangeOf(read)}`);
}

/**
 * Checks that each record that was acknowledged before the read is in the log, unless compaction or retention
 * was allowed to remove it.
 */
function judgeAcked(read: LogRead, { rules, sent }: LogHistory, found: Violations): void {
  const keys = keysOf(read, sent);
  const present = new Set(read.records.map(({ offset }) => offset));
  for (const record of sent) {
    const { acked } = record;
    if (acked === undefined || acked.atMs >= read.startedMs) continue;
    const what = `${idOf(record)} was acknowledged at ${acked.offset}`;
    if (acked.offset >= read.endOffset) found.add('lost-end', `${what}; the log ends at ${read.endOffset}`);
    else if (acked.offset < read.startOffset) {
      if (!hasExpired(record, read, rules))
        found.add('removed-early', `${what}; the log begins at ${read.startOffset}`);
    } else if (!present.has(acked.offset)) {
      const problem = rules.isCompacted ? staysBecause(record, read, rules, keys.get(record.key)) : 'is gone';
      if (problem !== undefined) found.add('lost', `${what}; it ${problem}`);
    }
  }
}

/** Whether retention may have removed the record. */
function hasExpired({ timestamp }: SentRecord, read: LogRead, rules: LogRules): boolean {
  const { retentionMs, retentionBytes } = rules;
  if (retentionMs !== undefined && read.endedMs - timestamp > retentionMs) return true;
  return retentionBytes !== undefined && read.sizeBytes >= retentionBytes;
}

/** What a read says about a key. */
interface KeyFacts {
  /** The offset of the newest record of the key in the log; -1: none. */
  newest: number;
  /** Records of the key that were sent before the end of the read and are not in the log. */
  readonly absent: SentRecord[];
}

function keysOf(read: LogRead, sent: readonly SentRecord[]): Map<string, KeyFacts> {
  const keys = new Map<string, KeyFacts>();
  const factsOf = (key: string): KeyFacts => {
    let facts = keys.get(key);
    if (facts === undefined) {
      facts = { newest: -1, absent: [] };
      keys.set(key, facts);
    }
    return facts;
  };
  for (const { key, offset } of read.records) factsOf(key).newest = offset;
  const present = new Set(read.records.map(({ id }) => id));
  for (const record of sent)
    if (record.sentMs <= read.endedMs && !present.has(idOf(record))) factsOf(record.key).absent.push(record);
  return keys;
}

/**
 * Returns undefined if compaction may have removed this acknowledged record. Otherwise returns why it may
 * not.
 *
 * Compaction removes a record if the key has a later record. It also removes a tombstone when
 * `delete.retention.ms` is over, but only if the log has no earlier record of the key.
 */
function staysBecause(
  record: SentRecord,
  read: LogRead,
  rules: LogRules,
  facts: KeyFacts | undefined,
): string | undefined {
  const { newest, absent } = facts ?? { newest: -1, absent: [] };
  const offset = record.acked!.offset;
  if (read.endedMs - record.timestamp < (rules.minCompactionLagMs ?? 0))
    return 'is gone before min.compaction.lag.ms';
  if (newest > offset) return undefined;
  if (record.value === null && newest >= 0)
    return `is gone, a tombstone of key ${record.key}, whose older record is still at ${newest}`;
  const mayHaveEnded = ({ value, sentMs }: SentRecord): boolean =>
    value === null && read.endedMs - sentMs >= (rules.deleteRetentionMs ?? 0);
  if (mayHaveEnded(record)) return undefined;
  const isReplacedBy = (other: SentRecord): boolean => {
    // A record without an acknowledgement may be in the log, after the end of what was read.
    if (other.acked === undefined || other.acked.offset >= read.endOffset) return true;
    return other.acked.offset > offset && mayHaveEnded(other);
  };
  if (absent.some((other) => other !== record && isReplacedBy(other))) return undefined;
  return record.value === null
    ? 'is gone, a tombstone before delete.retention.ms'
    : `is gone, the last value of key ${record.key}`;
}

/**
 * Checks that no record comes back that was already removed at the earlier read. Records below the log start
 * offset of the earlier read may come back, because a kill may undo a rise of the log start offset. Also
 * checks that the log does not end earlier.
 */
function judgeReturn(before: LogRead, read: LogRead, found: Violations): void {
  if (read.endOffset < before.endOffset)
    found.add('end-fell', `the log ended at ${before.endOffset}, and ends at ${read.endOffset}`);
  const had = new Set(before.records.map(({ offset }) => offset));
  for (const { offset, id } of read.records)
    if (offset >= before.startOffset && offset < before.endOffset && !had.has(offset))
      found.add('is-back', `${id} at ${offset} was removed, and is back`);
}

function rangeOf({ startOffset, endOffset }: LogRead): string {
  return `from ${startOffset} to ${endOffset}`;
}
