/**
 * One run: a log directory with one log on a faulty device, and the naive model of this log. Opens, crashes
 * and reopens the log, and compares it with the model. Throws an error that says what is wrong.
 */
import { DiskError, Prng, type Uuid } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import { compressionCodecs } from '@millrace/protocol/io';
import { type LogConfig, LogDirectory, LogOpenError, type PartitionLog } from '../../src/index.ts';
import type { Cleaning } from '../support/cleaning.ts';
import { NOW } from '../support/logs.ts';
import { Crash, Device } from './device.ts';
import {
  type Batch,
  type Found,
  type History,
  type Line,
  newHistory,
  newLine,
  prefixProblem,
  producersOf,
  type StoredBatch,
} from './history.ts';
import { type Decoded, epochProblem, readWhole, timeProblem } from './reading.ts';
import { configOf, DELETE_RETENTION_MS } from './settings.ts';

const TOPIC = 'topic';
const REOPENINGS_MAX = 20;

/** A flush that runs, and what it covers. */
interface Flushing {
  endOffset: number;
  /** True if it began behind a batch that was appended after the last cut. */
  readonly coversCut: boolean;
  readonly history: History;
}

export class LogTwin {
  readonly device: Device;
  config: LogConfig;
  logs!: LogDirectory;
  log!: PartitionLog;
  /** The histories that the device may have, oldest first. The last one is the log's own. */
  histories: History[] = [newHistory(newLine(0))];
  /** What an append in progress may add. */
  attempt: readonly Batch[] = [];
  /** The log that the process leaves when it dies ends here or later: the target of a cut in progress. */
  endAfterKill = 0;
  startOffset = 0;
  endOffset = 0;
  highWatermark = 0;
  epoch = 0;
  /** True if the next append needs a new leader epoch: other records of the current one may exist. */
  isEpochSpent = false;
  nowMs = NOW;
  topicNumber = 1;
  /** Counts values, so that no two records are equal. */
  values = 0;
  cleaning: Cleaning | undefined;
  cleaningFromMs = 0;
  /** Removed segments ended here. */
  removedTo = 0;
  /** True if the log has told its replica that a sync failed. */
  isTold = false;
  /** Files of removed segments that the broker unlinks later. */
  unlinkable: string[] = [];
  readonly decoded: Decoded = new Map();
  private flushing: Flushing[] = [];
  private readonly isCompactable: boolean;
  private readonly openFilesMax: number | undefined;
  private failedSyncs = 0;
  private lacks = 0;

  constructor(random: Prng, isCompacted: boolean, openFilesMax: number | undefined) {
    this.openFilesMax = openFilesMax;
    this.device = new Device(random);
    this.device.nowMs = this.nowMs;
    this.isCompactable = isCompacted || random.below(2) === 0;
    this.config = configOf(random, this.isCompactable);
    this.open();
  }

  get disk(): Device['disk'] {
    return this.device.disk;
  }

  get history(): History {
    return this.histories.at(-1)!;
  }

  get line(): Line {
    return this.history.line;
  }

  newSettings(random: Prng): void {
    this.config = configOf(random, this.isCompactable);
    this.log.setConfig(this.config);
  }

  /** True if the disk may refuse something now, or did so in this process. */
  get isDiskFaulty(): boolean {
    const { isFull, failedSyncs, lacks } = this.device;
    return isFull || failedSyncs > this.failedSyncs || lacks > this.lacks;
  }

  // ------------------------------------------------------------------ the life of a process

  /** Opens the directory and the log. May throw Crash. */
  private open(): void {
    for (let tries = 0; ; tries++) {
      if (tries === REOPENINGS_MAX) throw new Error('the log cannot be opened');
      const { failedSyncs } = this.device;
      const opened = LogDirectory.open({
        disk: this.disk,
        directory: '/data',
        nodeId: 1,
        random: new Prng(this.topicNumber),
        codecs: compressionCodecs,
        logger: new MemoryLogger(),
        openFilesMax: this.openFilesMax,
      });
      try {
        if (!opened.ok) throw new DiskError('EIO', opened.message);
        this.logs = opened.logs;
        this.openLog();
        return;
      } catch (error) {
        // The process ends if a sync fails while it starts. The next one then starts.
        if (!(error instanceof DiskError) || this.device.failedSyncs === failedSyncs) throw error;
        this.device.kill();
      }
    }
  }

  /** Opens the log, as the replica manager does. */
  openLog(): void {
    const topicId = `topic-id-number-${String(this.topicNumber).padStart(5, '0')}A` as Uuid;
    const open = () => this.logs.openLog(TOPIC, 0, { topicId, config: this.config, nowWallMs: this.nowMs });
    try {
      this.log = open();
    } catch (error) {
      if (!(error instanceof LogOpenError)) throw error;
      const { begin, durable } = this.line;
      if (durable > begin) throw new Error(`the log is lost, up to ${durable}: ${error.message}`);
      if (error.found === undefined) this.logs.setAside(TOPIC, 0);
      else this.logs.deleteLog(TOPIC, 0);
      this.beginTopic();
      this.log = open();
    }
    this.isTold = false;
    this.log.syncFailed = () => {
      this.isTold = true;
    };
  }

  /** The log is a new one: nothing of the old one may come back. */
  beginTopic(): void {
    this.histories = [newHistory(newLine(0))];
    this.highWatermark = 0;
    this.noteBegin();
  }

  /** The log is empty and begins where its line does. */
  noteBegin(): void {
    const { begin } = this.line;
    this.startOffset = begin;
    this.endOffset = begin;
    this.endAfterKill = begin;
    this.removedTo = begin;
    this.highWatermark = Math.max(this.highWatermark, begin);
  }

  /** Ends the process, perhaps the machine, and starts again. Returns how often the start died, too. */
  crash(isPowerLoss: boolean): number {
    let deaths = 0;
    for (; ; deaths++) {
      if (deaths === REOPENINGS_MAX) throw new Error('the process dies again and again');
      if (isPowerLoss) this.device.losePower();
      else this.device.kill();
      this.failedSyncs = this.device.failedSyncs;
      this.lacks = this.device.lacks;
      this.cleaning = undefined;
      this.flushing = [];
      this.unlinkable = [];
      // The process may die while it starts, too.
      if (deaths === 0 && this.device.below(4) === 0) this.device.crashWithin(this.device.below(30));
      try {
        this.open();
        this.device.crashWithin(undefined);
        break;
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
      isPowerLoss ||= this.device.below(2) === 0;
    }
    this.recovered(isPowerLoss);
    return deaths;
  }

  /** Stops the process cleanly, perhaps loses power, and starts again. */
  stop(isPowerLoss: boolean): void {
    this.disk.settle();
    const wasOnline = this.log.offline === undefined;
    this.device.isStopping = true;
    this.logs.close({ clean: true });
    const isClean = this.disk.exists('/data/.kafka_cleanshutdown');
    if (!isClean && wasOnline && !this.isDiskFaulty) throw new Error('the stop is not clean');
    if (isClean) {
      this.line.durable = this.endOffset;
      this.histories = [this.history];
      this.history.hasGrown = false;
    }
    const deaths = this.crash(isPowerLoss);
    // A process that dies while it starts leaves no clean log.
    if (isClean && deaths === 0 && this.log.wasCut) throw new Error('recovery cuts a log after a clean stop');
  }

  // ------------------------------------------------------------------ the model

  /** Compares the recovered log with the histories, and continues the one that fits. */
  private recovered(isPowerLoss: boolean): void {
    const { log, histories, attempt } = this;
    const before = this.endOffset;
    const { endAfterKill } = this;
    const found = this.read();
    const own = this.history;
    const candidates = [...histories];
    if (attempt.length > 0) candidates.push({ ...own, batches: [...own.batches, ...attempt] });
    this.attempt = [];
    const problems: string[] = [];
    let fitting = candidates.findLast((history) => {
      const problem = prefixProblem(history, found);
      if (problem !== undefined && !problems.includes(problem)) problems.push(problem);
      return problem === undefined;
    });
    // If the process died while it emptied a log, the log may be without segments. Then it begins again.
    const isEmptied = histories.some(({ line }) => line.isEmptied) && found.startOffset === found.endOffset;
    if (fitting === undefined && isEmptied) fitting = newHistory(newLine(found.startOffset));
    if (fitting === undefined)
      throw new Error(
        `after a crash, ${problems.join(', and in an earlier history, ')}; ${textOfFound(found)}`,
      );
    if (!isPowerLoss && found.endOffset < endAfterKill)
      throw new Error(
        `a killed process left the log up to ${endAfterKill}, but it ends at ${found.endOffset}`,
      );
    const { line } = fitting;
    const kept = fitting.batches.filter(({ last }) => last < found.endOffset);
    const history = newHistory(line, kept);
    const isWhole = kept.length === fitting.batches.length;
    const others = isWhole ? candidates.filter((one) => one !== fitting) : candidates;
    this.histories = isPowerLoss ? [history] : [...others, history];
    // The log continues with other records than those that a power loss may restore.
    if (found.endOffset < before || attempt.length > 0 || fitting !== own) this.isEpochSpent = true;
    line.startHigh = found.startOffset;
    if (isPowerLoss) {
      // The device may lose the checkpoint with a higher start, but not the removal of a segment.
      line.startLow = Math.min(found.startOffset, log.firstSegmentOffset);
      line.durable = found.endOffset;
    }
    // Recovery emptied the log, because it ended below its start.
    if (found.startOffset === found.endOffset && log.wasCut && log.producers.size === 0) {
      line.durable = 0;
      this.histories.push(newHistory(newLine(found.startOffset)));
    }
    this.startOffset = found.startOffset;
    this.endOffset = found.endOffset;
    this.endAfterKill = found.endOffset;
    this.removedTo = log.firstSegmentOffset;
    this.highWatermark = Math.max(this.startOffset, Math.min(this.highWatermark, this.endOffset));
    this.checkProducers();
    if (isPowerLoss) this.line.isEmptied = false;
    this.checkLookups(found.batches);
  }

  /** A cut begins: until a sync covers a later batch, the log may end at `endOffset` or at its old end. */
  cutTo(endOffset: number): void {
    const { line, batches } = this.history;
    line.durable = Math.min(line.durable, endOffset);
    for (const flushing of this.flushing) flushing.endOffset = Math.min(flushing.endOffset, endOffset);
    this.endAfterKill = Math.min(this.endAfterKill, endOffset);
    this.histories.push(
      newHistory(
        line,
        batches.filter(({ last }) => last < endOffset),
      ),
    );
    this.isEpochSpent = true;
  }

  /** The log is emptied, and begins at `offset`. The old records may come back until a sync. */
  beginAt(offset: number): void {
    const { line } = this;
    line.durable = 0;
    line.isEmptied = true;
    // The checkpoint may have the new start, although the old records come back.
    line.startLow = Math.min(line.startLow, offset);
    line.startHigh = Math.max(line.startHigh, offset);
    this.flushing = [];
    this.histories.push(newHistory(newLine(offset)));
    this.highWatermark = Math.min(this.highWatermark, offset);
    this.noteBegin();
    this.endAfterKill = 0;
    this.isEpochSpent = true;
  }

  appended(batches: readonly Batch[]): void {
    const { history } = this;
    history.batches.push(...batches);
    history.hasGrown = true;
    this.attempt = [];
    this.endOffset = batches.at(-1)!.last + 1;
  }

  /** Asks for a flush, and notes what is durable when it ends. */
  flush(): void {
    const { history, log } = this;
    const flushing: Flushing = { endOffset: this.endOffset, coversCut: history.hasGrown, history };
    this.flushing.push(flushing);
    log.flush((error) => {
      this.flushing = this.flushing.filter((one) => one !== flushing);
      if (error !== undefined) {
        if (!this.isDiskFaulty && log === this.log) throw new Error(`a flush fails: ${error.message}`);
        return;
      }
      const { line } = flushing.history;
      if (line !== this.line) return;
      line.durable = Math.max(line.durable, flushing.endOffset);
      if (flushing.coversCut && flushing.history === this.history) this.histories = [this.history];
    });
  }

  // ------------------------------------------------------------------ checks

  read(maxBytes = 1000): Found {
    const { log, device } = this;
    const batches = device.inspect(() => readWhole(log, this.decoded, maxBytes));
    const { startOffset, endOffset } = log;
    return { startOffset, endOffset, batches, nowMs: this.nowMs, deleteRetentionMs: DELETE_RETENTION_MS };
  }

  /** What must hold after each operation. */
  checkEnds(): void {
    const { log, line } = this;
    if (log.startOffset !== this.startOffset)
      throw new Error(`the log begins at ${log.startOffset}, not at ${this.startOffset}`);
    if (log.endOffset !== this.endOffset)
      throw new Error(`the log ends at ${log.endOffset}, not at ${this.endOffset}`);
    if (log.recoveryPoint > log.endOffset) throw new Error('the recovery point is above the end of the log');
    this.endAfterKill = this.endOffset;
    // The log says that everything below its recovery point is on the device.
    if (this.endOffset > line.begin) line.durable = Math.max(line.durable, log.recoveryPoint);
  }

  /** Reads the whole log, and compares it with its history. */
  checkContent(): void {
    const found = this.read(200 + this.device.below(1000));
    const problem = prefixProblem(this.history, found);
    if (problem !== undefined) throw new Error(problem);
    this.checkLookups(found.batches);
  }

  private checkLookups(batches: readonly StoredBatch[]): void {
    const { batches: original, line } = this.history;
    const epochs = epochProblem(this.log, line.cleanedMax > 0 ? batches : original);
    if (epochs !== undefined) throw new Error(epochs);
    for (let looks = 0; looks < 3; looks++) {
      const timestamp = NOW - 50 + this.device.below(this.nowMs - NOW + 100);
      const times = this.device.inspect(() => timeProblem(this.log, batches, timestamp));
      if (times !== undefined) throw new Error(times);
    }
  }

  private checkProducers(): void {
    const { history, line } = this;
    const expected = producersOf(history, this.endOffset);
    for (const { producerId, batches, epoch } of this.log.producers.all()) {
      const known = expected.get(producerId);
      const last = batches.at(-1)?.lastSequence;
      if (known === undefined || known.epoch !== epoch || known.lastSequence !== last)
        throw new Error(
          `the log knows the sequence ${last} of producer ${producerId}, not ${known?.lastSequence}`,
        );
      expected.delete(producerId);
    }
    if (line.isEmptied) line.forgottenTo = this.endOffset;
    for (const [producerId, { lastSequence, lastOffset }] of expected)
      if (lastOffset >= line.forgottenTo)
        throw new Error(`the log forgot producer ${producerId} with the sequence ${lastSequence}`);
  }
}

function textOfFound({ startOffset, endOffset, batches }: Found): string {
  const texts = batches.map(({ base, last, epoch }) => `${base}-${last} of epoch ${epoch}`);
  return `the log has ${startOffset} to ${endOffset}: ${texts.join(', ')}`;
}
