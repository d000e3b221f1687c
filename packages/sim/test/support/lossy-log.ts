/**
 * One log on the simulator's disk, beside a model of it. The model knows every batch that was ever appended,
 * and which batch was before it in the log at that time. After each restart `check` compares the log with the
 * model.
 */
import { Prng, type Uuid } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import { LogDirectory, LogOpenError, type PartitionLog } from '@millrace/log';
import { buildBatch, readBatchHeader } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect } from 'vitest';
import { type PagesAfterFailure, type PowerLoss, SimDisk } from '../../src/disk/index.ts';
import { Host, SECOND, World } from '../../src/world/index.ts';

const NOW = 1_700_000_000_000;
const TOPIC_ID = 'aaaaaaaaaaaaaaaaaaaaaA' as Uuid;
const TEXT = new TextEncoder();

/** One batch of one record. */
interface Entry {
  readonly offset: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly bytes: string;
  /** The batch that was before this one in the log when this one was appended. */
  readonly below: Entry | undefined;
}

export class LossyLog {
  readonly story: string[] = [];
  readonly seed: number;
  readonly random: Prng;
  private readonly world: World;
  private readonly host: Host;
  private readonly disk: SimDisk;
  private readonly preallocate: boolean;
  /**
   * If true, each batch fills whole sectors. Then a power loss can bring back a batch that an earlier
   * truncation removed, directly before a batch that was written after the truncation. Nothing in the file
   * tells that these two batches never were neighbours, so the model cannot reject them. It demands only that
   * leader epochs do not fall.
   */
  private readonly sectorBatches: boolean;
  private logs!: LogDirectory;
  private log!: PartitionLog;
  private readonly known = new Map<string, Entry>();
  private entries: Entry[] = [];
  /** All batches below this offset were covered by a successful flush. */
  private durable = 0;
  private highWatermark = 0;
  private epoch = 0;
  private appended = 0;
  /** Whether the log may lack batches that are not durable. */
  private mayLack = true;
  private hasFailingSync = false;

  constructor(seed: number) {
    this.seed = seed;
    this.random = new Prng(seed);
    this.world = new World(seed);
    this.host = new Host(this.world, 'b4');
    this.disk = new SimDisk(this.world, 'b4');
    this.preallocate = seed % 4 === 0;
    this.sectorBatches = seed % 2 === 0;
    this.open();
  }

  get isOffline(): boolean {
    return this.log.offline !== undefined;
  }

  append(): void {
    const { log, random } = this;
    const isFull = random.below(8) === 0;
    const below = this.entries.at(-1);
    const sequence = (below?.sequence ?? -1) + 1;
    const timestamp = NOW + this.appended;
    const bytes = this.batch(sequence, timestamp);
    this.disk.setFull(isFull);
    const answer = log.appendAsLeader(bytes, { leaderEpoch: this.epoch, nowWallMs: NOW });
    this.disk.setFull(false);
    this.story.push(`append${isFull ? '!' : ''}@${log.endOffset}`);
    if (!answer.ok) {
      this.checkRefusal(answer.message, isFull);
      return;
    }
    const entry = {
      offset: this.entries.length,
      epoch: this.epoch,
      sequence,
      timestamp,
      bytes: hex(bytes),
      below,
    };
    this.known.set(entry.bytes, entry);
    this.entries.push(entry);
    this.appended++;
  }

  /**
   * A refused append found a full disk. Or it rolled the log: a roll waits for the names of an earlier cut,
   * and if this sync fails, the log goes offline.
   */
  private checkRefusal(message: string, isFull: boolean): void {
    const syncFailed = this.hasFailingSync && this.isOffline && message.endsWith('EIO');
    const cause = syncFailed ? 'EIO' : 'ENOSPC';
    expect([isFull || syncFailed, message], this.told).toEqual([
      true,
      `the log could not be written: ${cause}`,
    ]);
  }

  newEpoch(): void {
    this.epoch++;
    this.log.assignLeaderEpoch(this.epoch, this.log.endOffset);
    this.story.push(`epoch${this.epoch}`);
  }

  /** Flushes the log. In half of the calls, waits for the end of the flush. */
  flush(): void {
    const { log, entries } = this;
    const end = entries.length;
    const last = entries.at(-1);
    this.story.push(`flush${end}`);
    log.flush((error) => {
      // If a truncation has removed the batch meanwhile, the flush promises nothing.
      if (error === undefined && (end === 0 || this.entries[end - 1] === last))
        this.durable = Math.max(this.durable, end);
      if (error !== undefined) this.story.push('flush-failed');
    });
    if (this.random.below(2) === 0) this.wait();
  }

  wait(): void {
    this.world.runUntil(this.world.nowUs + SECOND / 100);
  }

  checkpoint(): void {
    this.highWatermark += this.random.below(this.entries.length - this.highWatermark + 1);
    this.story.push(`checkpoint${this.highWatermark}`);
    this.logs.tick(NOW, [{ topic: 't', partition: 0, offset: this.highWatermark }]);
  }

  /**
   * Truncates the log, as a follower does when its log differs from the log of a new leader. In most calls it
   * truncates at or above the high watermark. In the others it may truncate below it, as after an unclean
   * election.
   */
  truncate(): void {
    const lowest = this.random.below(4) === 0 ? 0 : this.highWatermark;
    const to = lowest + this.random.below(this.log.endOffset - lowest + 1);
    this.story.push(`truncate${to}`);
    this.log.truncateTo(to);
    this.entries.length = this.log.endOffset;
    this.durable = Math.min(this.durable, this.log.endOffset);
    this.highWatermark = Math.min(this.highWatermark, this.log.endOffset);
    this.newEpoch();
  }

  failSync(): void {
    const pages: PagesAfterFailure = (['dirty', 'clean', 'dropped'] as const)[this.random.below(3)]!;
    this.story.push(`fail-sync-${pages}`);
    const below = ['/data/t-0', '/data'][this.random.below(2)]!;
    this.hasFailingSync = true;
    this.disk.syncs.fail({ below, code: 'EIO', isLasting: false, pages, mayFail: () => true });
  }

  stop(): void {
    this.story.push('stop');
    let isIdle = false;
    this.logs.prepareStop(() => {
      isIdle = true;
    });
    if (this.random.below(4) > 0) while (!isIdle) this.wait();
    this.logs.close({ clean: true, brokerEpoch: 1 });
    // The caller then ends the process, and with it every sync that still runs.
  }

  restart(how: 'kill' | 'power', left?: PowerLoss): void {
    this.story.push(how);
    // A failed sync can lose pages without a power loss, too. The log may be closed before the sync reports
    // its error.
    if (how === 'power' || this.isOffline || this.hasFailingSync) this.mayLack = true;
    this.hasFailingSync = false;
    this.host.life!.die(how === 'kill' ? 'process' : how);
    if (how === 'power') this.disk.losePower(left);
    this.disk.disarm();
    this.open();
  }

  private open(): void {
    const life = this.host.boot();
    const seam = this.disk.seamOf(life);
    if (seam.makeDirectory('/data')) seam.syncDirectory('/');
    const random = new Prng(1);
    const opened = LogDirectory.open({
      disk: seam,
      directory: '/data',
      nodeId: 4,
      random,
      codecs: compressionCodecs,
      logger: new MemoryLogger(),
    });
    if (!opened.ok) throw new Error(opened.message);
    this.logs = opened.logs;
    const marked = opened.logs.cleanShutdownBrokerEpoch !== undefined;
    this.log = this.openLog();
    if (marked) this.checkStop();
    this.check();
    this.mayLack = false;
  }

  /** A power loss before the log's first sync can lose the topic id. Then the broker sets the log aside. */
  private openLog(): PartitionLog {
    const options = {
      topicId: TOPIC_ID,
      nowWallMs: NOW,
      config: {
        segmentBytes: 2048,
        segmentMs: 1e12,
        segmentJitterMs: 0,
        preallocate: this.preallocate,
        indexIntervalBytes: 100,
        segmentIndexBytes: 4096,
        flushMessages: 1,
        producerIdExpirationMs: 1e9,
        maxMessageBytes: 1e6,
        isCompacted: false,
        deleteRetentionMs: 86_400_000,
        minCleanableDirtyRatio: 0.5,
        minCompactionLagMs: 0,
        maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
        deletesOldRecords: true,
        retentionMs: -1,
        retentionBytes: -1,
        fileDeleteDelayMs: 60_000,
        compression: undefined,
        loopWorkMax: 1e6,
        timestampType: 'CreateTime' as const,
        timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
        timestampAfterMaxMs: 3.6e6,
      },
    };
    try {
      return this.logs.openLog('t', 0, options);
    } catch (error) {
      if (!(error instanceof LogOpenError)) throw error;
      this.story.push('set-aside');
      expect([error.found, this.durable, this.mayLack], this.told).toEqual([undefined, 0, true]);
      this.logs.setAside('t', 0);
      return this.logs.openLog('t', 0, options);
    }
  }

  /** After a stop that left a clean-shutdown marker, the log lacks nothing. */
  private checkStop(): void {
    expect([this.log.endOffset, this.log.wasCut], this.told).toEqual([this.entries.length, false]);
  }

  /** Checks every promise about the opened log. After that, the model has the same batches as the log. */
  private check(): void {
    const { log, told, entries } = this;
    expect(log.startOffset, told).toBe(0);
    expect(log.endOffset, `${told}: flushed records`).toBeGreaterThanOrEqual(this.durable);
    if (!this.mayLack) expect(log.endOffset, told).toBe(entries.length);
    const found: Entry[] = [];
    for (const bytes of this.read()) {
      const entry = this.known.get(bytes);
      const offset = found.length;
      if (entry === undefined) throw new Error(`${told}: the batch at ${offset} was never appended`);
      expect(entry.offset, told).toBe(offset);
      if (!this.sectorBatches)
        expect(entry.below === found.at(-1), `${told}: ${offset} mixes logs`).toBe(true);
      else expect(entry.epoch, `${told}: the epoch falls`).toBeGreaterThanOrEqual(found.at(-1)?.epoch ?? 0);
      if (offset < this.durable || !this.mayLack) expect(entry === entries[offset], told).toBe(true);
      expect(log.epochs.epochAt(offset), `${told}: the epoch of ${offset}`).toBe(entry.epoch);
      found.push(entry);
    }
    expect(found.length, told).toBe(log.endOffset);
    for (const { startOffset } of log.epochs.entries)
      expect(startOffset, told).toBeLessThanOrEqual(log.endOffset);
    for (const { timestamp, offset } of found) expect(this.offsetAt(timestamp), told).toBe(offset);
    this.entries = found;
    this.highWatermark = Math.min(this.highWatermark, found.length);
    // A broker never leads again in an epoch of an earlier process.
    this.epoch = Math.max(this.epoch, log.epochs.latest) + 1;
  }

  private offsetAt(timestamp: number): number | undefined {
    const hit = this.log.times.find(timestamp, { work: 1e9 });
    return hit !== undefined && 'offset' in hit ? hit.offset : undefined;
  }

  private read(): string[] {
    const { log } = this;
    const batches: string[] = [];
    while (batches.length < log.endOffset) {
      const options = { endOffsetMax: log.endOffset, maxBytes: 1e6, atLeastOneBatch: true };
      const { chunks, errorCode } = log.read({ fromOffset: batches.length, ...options });
      expect(errorCode, this.told).toBe(0);
      for (const chunk of chunks)
        for (let at = 0; at < chunk.length; ) {
          const { sizeBytes } = readBatchHeader(chunk, at);
          batches.push(hex(chunk.subarray(at, at + sizeBytes)));
          at += sizeBytes;
        }
    }
    return batches;
  }

  private batch(sequence: number, timestamp: number): Uint8Array {
    const of = (valueBytes: number): Uint8Array => {
      const value = TEXT.encode(`v${this.appended}`.padEnd(valueBytes, 'x'));
      const records = [{ key: TEXT.encode('k'), value }];
      const producer = { producerId: 1, producerEpoch: 0, baseSequence: sequence };
      return new Uint8Array(
        buildBatch({ baseTimestamp: timestamp, codecs: compressionCodecs, records, ...producer }),
      );
    };
    if (!this.sectorBatches) return of(30 + this.random.below(400));
    const target = 512 * (1 + this.random.below(2));
    return of(target - (of(400).length - 400));
  }

  private get told(): string {
    return `seed ${this.seed}: ${this.story.join(' ')}`;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
