/**
 * The naive model of a log: every batch that it ever had, as plain data. A *line* is the life of a log from
 * an empty log on. A *history* is one sequence of batches of a line. A truncation ends a history, and begins
 * another one that shares the earlier batches. After a crash the log must have a prefix of one history, and
 * never a mixture of two.
 */

export interface Entry {
  readonly offset: number;
  /** Null: the record has no key. */
  readonly key: string | null;
  /** Null: the record deletes its key. */
  readonly value: string | null;
  readonly timestamp: number;
}

export interface Batch {
  readonly base: number;
  readonly last: number;
  readonly epoch: number;
  /** -1: the producer is not idempotent. */
  readonly producer: number;
  readonly producerEpoch: number;
  readonly sequence: number;
  readonly entries: readonly Entry[];
  readonly maxTimestamp: number;
}

/** A batch as the log has it. The cleaner may have dropped some of its entries. */
export interface StoredBatch extends Batch {
  readonly bytes: Uint8Array;
}

export interface Line {
  /** The offset at which the line began. */
  readonly begin: number;
  /** A crash may lower the log start offset to this one, because the device has it. */
  startLow: number;
  /** The largest log start offset so far. */
  startHigh: number;
  /** Every batch below this offset is on the device. */
  durable: number;
  /** True if the log was emptied. Until a sync, the line may come back, or a part of it. */
  isEmptied: boolean;
  /** The log may have forgotten the producers of batches below this offset, when it was emptied. */
  forgottenTo: number;
  /** Cleanings reached at most up to here. */
  cleanedMax: number;
  /** By offset of a tombstone: when the first cleaning began that covered it. */
  readonly seenByCleaner: Map<number, number>;
  /** By offset of a tombstone: when the first cleaning began that covered it and was completed. */
  readonly cleaned: Map<number, number>;
}

export interface History {
  readonly line: Line;
  readonly batches: Batch[];
  /** True if a batch was appended after the cut with which this history began. */
  hasGrown: boolean;
}

export function newLine(begin: number): Line {
  return {
    begin,
    startLow: begin,
    startHigh: begin,
    durable: begin,
    isEmptied: false,
    forgottenTo: 0,
    cleanedMax: 0,
    seenByCleaner: new Map(),
    cleaned: new Map(),
  };
}

export function newHistory(line: Line, batches: Batch[] = []): History {
  return { line, batches, hasGrown: false };
}

/** What a log has, and when. */
export interface Found {
  readonly startOffset: number;
  readonly endOffset: number;
  /** The batches that hold an offset from the start on. */
  readonly batches: readonly StoredBatch[];
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
}

/** Why these batches are not a prefix of the history; undefined: they are. */
export function prefixProblem({ line, batches }: History, found: Found): string | undefined {
  const { startOffset, endOffset } = found;
  if (startOffset < line.startLow)
    return `the log start offset fell to ${startOffset}, below ${line.startLow}`;
  if (startOffset > line.startHigh) return `the log start offset rose to ${startOffset}`;
  if (endOffset < line.durable) return `the log ends at ${endOffset}, but ${line.durable} was durable`;
  if (endOffset > startOffset && !isEnd(endOffset, batches, line))
    return `no batch of the history ends at ${endOffset}`;
  let index = 0;
  for (const stored of found.batches) {
    while (index < batches.length && batches[index]!.base < stored.base) index++;
    const original = batches[index];
    if (original?.base !== stored.base) return `the history has no batch at ${stored.base}`;
    const problem = batchProblem(stored, original);
    if (problem !== undefined) return problem;
  }
  return lackingProblem(line, batches, found);
}

function isEnd(endOffset: number, batches: readonly Batch[], line: Line): boolean {
  return endOffset === line.begin || batches.some(({ last }) => last + 1 === endOffset);
}

/** Why a stored batch is not what is left of the original one. */
function batchProblem(stored: StoredBatch, original: Batch): string | undefined {
  const { base } = original;
  for (const field of ['last', 'epoch', 'producer', 'producerEpoch', 'sequence'] as const)
    if (stored[field] !== original[field])
      return `the batch at ${base} has the ${field} ${stored[field]}, not ${original[field]}`;
  for (const { offset, key, value, timestamp } of stored.entries) {
    const known = original.entries[offset - base];
    if (known?.key !== key || known.value !== value)
      return `the log has ${key}=${value} at ${offset}, not ${known?.key}=${known?.value}`;
    if (known.timestamp !== timestamp)
      return `the record at ${offset} has the timestamp ${timestamp}, not ${known.timestamp}`;
  }
  if (stored.entries.length === original.entries.length && stored.maxTimestamp !== original.maxTimestamp)
    return `the batch at ${base} has the largest timestamp ${stored.maxTimestamp}, not ${original.maxTimestamp}`;
  return undefined;
}

/** Why a record that the log lacks should be there. */
function lackingProblem(line: Line, batches: readonly Batch[], found: Found): string | undefined {
  const { startOffset, endOffset, nowMs, deleteRetentionMs } = found;
  const present = new Set<number>();
  for (const { entries } of found.batches) for (const { offset } of entries) present.add(offset);
  const latest = new Map<string, number>();
  for (let index = batches.length - 1; index >= 0; index--) {
    const { base, last, entries } = batches[index]!;
    if (last < startOffset) break;
    if (base >= endOffset) continue;
    for (let at = entries.length - 1; at >= 0; at--) {
      const { offset, key, value } = entries[at]!;
      const isBelowClean = offset < line.cleanedMax;
      const later = key === null ? undefined : latest.get(key);
      if (key !== null && later === undefined && isBelowClean) latest.set(key, offset);
      // A log that recovery emptied may end within a batch: at the checkpointed start offset.
      if (offset < startOffset || offset >= endOffset || present.has(offset)) continue;
      if (!isBelowClean) return `the record at ${offset} is lost`;
      if (key === null || later !== undefined) continue;
      if (value !== null) return `the latest record of ${key} at ${offset} is lost`;
      const seenMs = line.seenByCleaner.get(offset);
      if (seenMs === undefined || nowMs < seenMs + deleteRetentionMs)
        return `the tombstone of ${key} at ${offset} went before its time`;
    }
  }
  return undefined;
}

/**
 * Why a complete cleaning up to `cleanedTo` should have dropped a record that the log has. An earlier
 * cleaning may have dropped a later record of the key for the sake of one above `cleanedTo`. So only the
 * records count that the log has; `lackingProblem` judges those that it lacks.
 */
export function cleaningProblem(
  line: Line,
  found: Found,
  cleanedTo: number,
  begunMs: number,
): string | undefined {
  const latest = new Map<string, number>();
  for (const { entries } of found.batches)
    for (const { offset, key } of entries)
      if (offset >= found.startOffset && offset < cleanedTo && key !== null) latest.set(key, offset);
  for (const { entries } of found.batches)
    for (const { offset, key, value } of entries) {
      if (offset < found.startOffset || offset >= cleanedTo) continue;
      if (key === null) return `a record without a key stays at ${offset}`;
      if (latest.get(key)! > offset)
        return `an old record of ${key} at ${offset} stays below the clean end ${cleanedTo}`;
      if (value !== null) continue;
      const cleanedMs = line.cleaned.get(offset);
      if (cleanedMs === undefined) line.cleaned.set(offset, begunMs);
      else if (begunMs >= cleanedMs + found.deleteRetentionMs)
        return `the tombstone of ${key} at ${offset} stays after its time`;
    }
  return undefined;
}

/** The last sequence number of each idempotent producer below an offset, and its epoch. */
export function producersOf(
  { batches }: History,
  endOffset: number,
): Map<number, { epoch: number; lastSequence: number; lastOffset: number }> {
  const producers = new Map<number, { epoch: number; lastSequence: number; lastOffset: number }>();
  for (const { base, last, producer, producerEpoch, sequence } of batches)
    if (producer >= 0 && last < endOffset)
      producers.set(producer, {
        epoch: producerEpoch,
        lastSequence: sequence + last - base,
        lastOffset: last,
      });
  return producers;
}
