/** The operations of a run. Each one draws from its own generator, and changes the log and the model. */
import type { Prng } from '@millrace/base';
import { buildBatch, ErrorCode } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { AppendFailure } from '../../src/index.ts';
import { Cleaning } from '../support/cleaning.ts';
import { concat } from '../support/logs.ts';
import { type Batch, cleaningProblem, producersOf } from './history.ts';
import type { Kind } from './plan.ts';
import { readFrom, timeProblem } from './reading.ts';
import { RETENTION_MS } from './settings.ts';
import type { LogTwin } from './twin.ts';

const KEYS = 'abcdef';
const PRODUCERS = 3;
const encoder = new TextEncoder();

export const operations: Readonly<Record<Kind, (twin: LogTwin, random: Prng) => void>> = {
  append,
  replicate,
  resend,
  epoch(twin) {
    twin.epoch++;
    twin.isEpochSpent = false;
    twin.log.assignLeaderEpoch(twin.epoch, twin.endOffset);
  },
  flush(twin) {
    twin.flush();
    twin.disk.settle();
  },
  flushLater: (twin) => twin.flush(),
  settle: (twin, random) => void twin.disk.settle(1 + random.below(6)),
  writeBack: (twin) => twin.device.writeBack(),
  commit(twin, random) {
    twin.flush();
    twin.disk.settle();
    if (twin.log.offline !== undefined) return;
    const ends = twin.history.batches.map(({ last }) => last + 1).filter((end) => end > twin.highWatermark);
    if (ends.length > 0) twin.highWatermark = ends[random.below(ends.length)]!;
  },
  tick(twin) {
    twin.logs.tick(twin.nowMs, [{ topic: 'topic', partition: 0, offset: twin.highWatermark }]);
  },
  time(twin, random) {
    twin.nowMs += random.below(900);
    twin.device.nowMs = twin.nowMs;
  },
  truncate(twin, random) {
    truncate(twin, between(random, twin.highWatermark, twin.endOffset));
    // When a crash brings the records of an emptied log back, the high watermark may lie within a batch.
    twin.highWatermark = Math.min(twin.highWatermark, twin.endOffset);
  },
  truncateCommitted(twin, random) {
    // The cleaner may have dropped records for the sake of those that this would cut off.
    if (twin.line.cleanedMax > 0) return;
    const offset = between(random, twin.startOffset, twin.endOffset);
    twin.highWatermark = Math.min(twin.highWatermark, offset);
    truncate(twin, offset);
    twin.highWatermark = Math.min(twin.highWatermark, twin.endOffset);
  },
  startAt(twin, random) {
    const offset = Math.max(0, twin.endOffset - 20 + random.below(40));
    twin.beginAt(offset);
    twin.log.truncateFullyAndStartAt(offset);
  },
  deleteRecords(twin, random) {
    raiseStart(twin, between(random, twin.startOffset, twin.highWatermark));
    twin.log.advanceStartOffset(twin.startOffset);
    remove(twin, random.below(3));
  },
  retain,
  clean,
  look: (twin, random) => twin.device.inspect(() => look(twin, random)),
  settings: (twin, random) => twin.newSettings(random),
  crash: (twin, random) => twin.crash(random.below(3) > 0),
  crashLater: (twin, random) => twin.device.crashWithin(random.below(25)),
  stop: (twin, random) => twin.stop(random.below(2) === 0),
  recreate(twin) {
    // The broker tries again when there is room.
    if (twin.device.isFull || isLimited(twin)) return;
    twin.topicNumber++;
    twin.beginTopic();
    twin.logs.deleteLog('topic', 0);
    twin.openLog();
  },
  fill(twin) {
    // A log on a full disk cannot note that a sync failed.
    if (!twin.device.hasUnreportedLoss) twin.device.isFull = !twin.device.isFull;
  },
  failSync(twin) {
    if (!twin.device.isFull && !isLimited(twin)) twin.device.failsNextSync = true;
  },
  failWriteBack(twin, random) {
    if (!twin.device.isFull && !isLimited(twin)) twin.device.failWriteBack(random);
  },
  limitDescriptors(twin, random) {
    const { device } = twin;
    // A process without descriptors cannot note that a sync failed.
    if (isLimited(twin) || device.hasUnreportedLoss) device.descriptorsMax = Number.POSITIVE_INFINITY;
    else device.descriptorsMax = 1 + random.below(4);
  },
};

function isLimited({ device }: LogTwin): boolean {
  return device.descriptorsMax < Number.POSITIVE_INFINITY;
}

function between(random: Prng, from: number, to: number): number {
  return from + random.below(Math.max(0, to - from) + 1);
}

// -------------------------------------------------------------------- appends

interface NewBatch {
  readonly model: Batch;
  readonly bytes: Uint8Array;
}

/** Draws a batch that begins at `base`. */
function newBatch(twin: LogTwin, random: Prng, base: number, isIdempotent = true): NewBatch {
  const isLogAppendTime = twin.config.timestampType === 'LogAppendTime' && isIdempotent;
  const count = random.below(2) === 0 ? 1 : 1 + random.below(4);
  const valueBytes = count < 3 && random.below(3) === 0 ? 200 : 8;
  const entries = Array.from({ length: count }, (_, index) => {
    const key = twin.config.isCompacted || random.below(8) > 0 ? KEYS[random.below(KEYS.length)]! : null;
    const isTombstone = key !== null && random.below(4) === 0;
    const value = isTombstone ? null : `${twin.values++}`.padEnd(valueBytes, '.');
    const timestamp = isLogAppendTime ? twin.nowMs : twin.nowMs - random.below(400) + index;
    return { offset: base + index, key, value, timestamp };
  });
  const producer = isIdempotent && random.below(2) === 0 ? random.below(PRODUCERS) : -1;
  const state = producersOf(twin.history, base).get(producer);
  const sequence = producer < 0 ? -1 : state === undefined ? 0 : state.lastSequence + 1;
  const producerEpoch = producer < 0 ? -1 : 0;
  const model: Batch = {
    base,
    last: base + entries.length - 1,
    epoch: twin.epoch,
    producer,
    producerEpoch,
    sequence,
    entries,
    maxTimestamp: Math.max(...entries.map(({ timestamp }) => timestamp)),
  };
  return { model, bytes: bytesOf(model, isIdempotent ? 0 : base) };
}

/** A producer sends its batches with the base offset 0. */
function bytesOf(batch: Batch, baseOffset: number): Uint8Array {
  const { epoch, producer, producerEpoch, sequence, entries } = batch;
  const records = entries.map(({ key, value, timestamp }) => ({
    key: key === null ? null : encoder.encode(key),
    value: value === null ? null : encoder.encode(value),
    timestamp,
  }));
  const ids = producer < 0 ? {} : { producerId: producer, producerEpoch, baseSequence: sequence };
  const baseTimestamp = entries[0]!.timestamp;
  return new Uint8Array(
    buildBatch({ baseOffset, leaderEpoch: epoch, baseTimestamp, codecs: compressionCodecs, ...ids, records }),
  );
}

/** A leader whose epoch is spent gets a new one. */
function renewEpoch(twin: LogTwin, random: Prng): void {
  if (twin.isEpochSpent) twin.epoch += 1 + random.below(2);
  twin.isEpochSpent = false;
}

function append(twin: LogTwin, random: Prng): void {
  renewEpoch(twin, random);
  const { model, bytes } = newBatch(twin, random, twin.endOffset);
  twin.attempt = [model];
  const answer = twin.log.appendAsLeader(bytes, { leaderEpoch: twin.epoch, nowWallMs: twin.nowMs });
  if (!answer.ok) {
    refused(twin, answer);
    return;
  }
  if (answer.baseOffset !== model.base || answer.duplicate)
    throw new Error(`an append at ${model.base} gets the offset ${answer.baseOffset}`);
  twin.appended([model]);
}

/** A log refuses an append only if the disk does. A part of the batches may be in the log. */
function refused(twin: LogTwin, { errorCode, message }: AppendFailure): void {
  if (errorCode !== ErrorCode.KAFKA_STORAGE_ERROR || !twin.isDiskFaulty)
    throw new Error(`the log refuses an append: ${errorCode} ${message}`);
  if (twin.log.offline !== undefined) return;
  const { attempt } = twin;
  const appended = attempt.filter(({ last }) => last < twin.log.endOffset);
  if (appended.length > 0) twin.appended(appended);
  twin.attempt = [];
  // A power loss may restore what the log has cut off.
  const { history } = twin;
  if (appended.length === attempt.length) return;
  twin.histories.splice(-1, 0, {
    ...history,
    batches: [...history.batches, ...attempt.slice(appended.length)],
  });
  history.hasGrown = false;
}

function replicate(twin: LogTwin, random: Prng): void {
  renewEpoch(twin, random);
  const isGapped = twin.config.isCompacted && random.below(3) === 0;
  const batches: NewBatch[] = [];
  let next = twin.endOffset;
  for (let count = 1 + random.below(5); count > 0; count--) {
    if (isGapped && random.below(2) === 0) next += random.below(5);
    const one = newBatch(twin, random, next, false);
    batches.push(one);
    next = one.model.last + 1;
  }
  twin.attempt = batches.map(({ model }) => model);
  const bytes = concat(batches.map((one) => one.bytes));
  const highWatermark = isGapped ? next : twin.highWatermark;
  const answer = twin.log.appendAsFollower(bytes, twin.nowMs, highWatermark);
  if (!answer.ok) {
    refused(twin, answer);
    return;
  }
  twin.appended(twin.attempt);
  twin.highWatermark = Math.max(twin.highWatermark, Math.min(highWatermark, twin.endOffset));
}

/** A producer sends its last batch again. */
function resend(twin: LogTwin, random: Prng): void {
  const sent = twin.history.batches.filter(({ producer }) => producer >= 0);
  const last = sent.filter((one) => sent.findLast(({ producer }) => producer === one.producer) === one);
  const batch = last[random.below(Math.max(1, last.length))];
  if (batch === undefined || twin.log.offline !== undefined) return;
  // A crash while the log was emptied may bring the records back without their producers.
  if (batch.last < twin.line.forgottenTo) return;
  // The door refuses it before the log looks.
  if (twin.config.isCompacted && batch.entries.some(({ key }) => key === null)) return;
  const o = { leaderEpoch: twin.log.epochs.latest, nowWallMs: twin.nowMs };
  const answer = twin.log.appendAsLeader(bytesOf(batch, 0), o);
  if (!answer.ok || !answer.duplicate || answer.baseOffset !== batch.base)
    throw new Error(`the log does not recognise the batch at ${batch.base} that its producer sends again`);
}

// -------------------------------------------------------------------- cuts, retention, compaction

function truncate(twin: LogTwin, offset: number): void {
  const { batches, line } = twin.history;
  const isBoundary = offset === twin.endOffset;
  const last = batches.findLast((one) => one.last < offset);
  const endOffset = isBoundary ? offset : last === undefined ? line.begin : last.last + 1;
  if (endOffset < twin.startOffset) {
    const { startOffset } = twin;
    twin.beginAt(startOffset);
  } else if (!isBoundary) {
    twin.cutTo(endOffset);
    twin.endOffset = endOffset;
  }
  twin.log.truncateTo(offset);
}

function raiseStart(twin: LogTwin, offset: number): void {
  twin.startOffset = offset;
  twin.line.startHigh = Math.max(twin.line.startHigh, offset);
}

/** Removes up to `count` segments. */
function remove(twin: LogTwin, count: number): void {
  const { line } = twin;
  crashSoon(twin, twin.device);
  for (let left = count; left > 0 && twin.log.offline === undefined; left--) {
    const before = twin.removedTo;
    let isRemoved = false;
    twin.log.removeNext((removed) => {
      if (removed === undefined) return;
      isRemoved = true;
      twin.unlinkable.push(...removed.paths);
      // The removals before this one are durable. But until the first flush of the line has ended, a power
      // loss may take the whole folder, and the line begins again.
      if (line.durable > line.begin) line.startLow = Math.max(line.startLow, before);
      twin.removedTo = twin.log.firstSegmentOffset;
    });
    twin.disk.settle();
    if (twin.removedTo > twin.startOffset) throw new Error('retention removes a segment above the log start');
    if (!isRemoved) break;
  }
  if (twin.device.below(2) === 0) twin.logs.unlink(twin.unlinkable.splice(0));
}

function retain(twin: LogTwin, random: Prng): void {
  const { log, highWatermark, nowMs, config } = twin;
  // Retention may raise the log start offset up to here, whatever happens.
  twin.line.startHigh = Math.max(twin.line.startHigh, highWatermark);
  const { failure, isRaised } = log.expire(highWatermark, nowMs);
  if (failure !== undefined && !twin.isDiskFaulty) throw new Error('a look for expired records fails');
  const { startOffset } = log;
  if (startOffset > highWatermark)
    throw new Error(`records expire up to ${startOffset}, above the high watermark`);
  if (isRaised !== startOffset > twin.startOffset)
    throw new Error('a look says the wrong thing about the start');
  if (isRaised && !config.deletesOldRecords) throw new Error('records expire although only compaction is on');
  if (isRaised && config.retentionBytes < 0)
    for (const { base, last, maxTimestamp } of twin.history.batches)
      if (base >= twin.startOffset && last < startOffset && maxTimestamp >= nowMs - RETENTION_MS)
        throw new Error(`the records at ${base} expire before their time`);
  twin.startOffset = startOffset;
  remove(twin, random.below(4));
}

/** Begins a cleaning, or continues the one that runs, perhaps not to its end. */
function clean(twin: LogTwin, random: Prng): void {
  const { log, disk, highWatermark, nowMs, line } = twin;
  if (!twin.config.isCompacted || log.offline !== undefined) return;
  if (twin.cleaning === undefined || twin.cleaning.results.length > 0) {
    const range = log.cleanable(highWatermark, nowMs);
    if (!range.ok) throw new Error(`a look for records to clean fails: ${range.reason}`);
    if (range.dirtyBytes === 0) return;
    if (range.endOffset > Math.min(highWatermark, log.recoveryPoint))
      throw new Error('the cleaner reaches above the high watermark or the recovery point');
    line.cleanedMax = Math.max(line.cleanedMax, range.endOffset);
    for (const { entries } of twin.history.batches)
      for (const { offset, value } of entries)
        if (value === null && offset < range.endOffset && !line.seenByCleaner.has(offset))
          line.seenByCleaner.set(offset, nowMs);
    twin.cleaningFromMs = nowMs;
    const keysMax = random.below(3) === 0 ? 1 + random.below(8) : 8;
    const chunkBytes = 100 * (1 + random.below(8));
    const settle = (): void => void twin.disk.settle();
    twin.cleaning = new Cleaning(log, disk, { highWatermark, keysMax, chunkBytes, nowWallMs: nowMs, settle });
  }
  const { cleaning } = twin;
  crashSoon(twin, random);
  cleaning.turns(random.below(3) === 0 ? random.below(40) : 10_000);
  const [result] = cleaning.results;
  twin.unlinkable.push(...cleaning.replaced.splice(0));
  if (cleaning.results.length === 0) return;
  twin.cleaning = undefined;
  if (result === undefined || log.offline !== undefined) return;
  if (!result.ok) {
    if (!twin.isDiskFaulty) throw new Error(`a cleaning fails: ${result.reason}`);
    return;
  }
  const problem = cleaningProblem(twin.line, twin.read(), result.cleanedTo, twin.cleaningFromMs);
  if (problem !== undefined) throw new Error(problem);
}

/** In some runs the process dies soon. */
function crashSoon(twin: LogTwin, random: { below(limit: number): number }): void {
  if (random.below(4) === 0 && !twin.device.failsNextSync) twin.device.crashWithin(random.below(30));
}

// -------------------------------------------------------------------- looks

/** Reads at any offset, and looks up times. */
function look(twin: LogTwin, random: Prng): void {
  const { log } = twin;
  if (log.offline !== undefined) return;
  const { batches } = twin.read();
  for (let looks = 4; looks > 0; looks--) {
    const fromOffset = between(random, log.startOffset, log.endOffset);
    const endOffsetMax = between(random, fromOffset, log.endOffset + 2);
    const maxBytes = random.below(800);
    const found = readFrom(log, twin.decoded, { fromOffset, endOffsetMax, maxBytes });
    const expected = batches.filter(({ last }) => last >= fromOffset && last < endOffsetMax);
    for (const [index, one] of found.entries())
      if (one !== expected[index])
        throw new Error(`a read at ${fromOffset} finds the batch ${one.base} there`);
    const timestamp = twin.nowMs - 1500 + random.below(1600);
    const problem = timeProblem(log, batches, timestamp);
    if (problem !== undefined) throw new Error(problem);
  }
}
