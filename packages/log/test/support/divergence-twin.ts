/**
 * A follower whose leaders disagree, on a disk that loses power. One seed is one run: the follower truncates
 * its log to what it shares with the next leader, and appends records of this leader. Crashes come at any
 * time. A power loss keeps any of the unsynced writes, truncations and changes of names, in any order.
 *
 * The log must never join records of two histories: each batch names the batch that came before it when its
 * leader wrote it. Leader epochs do not show such a mixture if they do not fall. Throws an error that says
 * what is wrong.
 */
import { Prng } from '@millrace/base';
import type { MemoryDisk } from '@millrace/base/testing';
import { readBatchHeader } from '@millrace/protocol';
import type { PartitionLog } from '../../src/index.ts';
import { recordsOf } from './cleaning.ts';
import { batch, DIRECTORY, NOW, openLog, readAll } from './logs.ts';
import { NamesDisk, type Unsynced } from './names-disk.ts';

const STEPS = 50;

interface Batch {
  readonly id: number;
  /** The batch before it; 0: it is the first one. */
  readonly parent: number;
  readonly epoch: number;
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly bytes: Uint8Array;
}

/** Runs one seed. */
export function playDivergence(seed: number): void {
  const twin = new Twin(new Prng(seed));
  for (let step = 0; step < STEPS; step++) {
    twin.step();
    twin.verify();
  }
}

class Twin {
  private readonly random: Prng;
  private disk = new NamesDisk();
  private log: PartitionLog;
  private readonly known = new Map<number, Batch>();
  /** The logs of all leaders so far. */
  private readonly histories: Batch[][] = [[]];
  private leader: readonly Batch[] = [];
  /** What the log of the follower must hold. */
  private held: Batch[] = [];
  private epoch = 0;
  /** Number of digits in each value of the present leader. */
  private digits = 6;
  private recoveryPoint = 0;
  /** With preallocation, a kill leaves zeros behind the last record, and recovery cuts them off. */
  private readonly preallocate: boolean;
  /** How many more of 24 steps are kills. */
  private readonly kills: number;

  constructor(random: Prng) {
    this.random = random;
    this.preallocate = random.below(2) === 0;
    this.kills = 4 * random.below(2);
    this.log = this.open();
  }

  private open(): PartitionLog {
    const { disk, recoveryPoint, preallocate } = this;
    return openLog({
      disk,
      config: { segmentBytes: 400, indexIntervalBytes: 100, preallocate },
      recoveryPoint,
      offsetsLowered: (point) => {
        this.recoveryPoint = Math.min(this.recoveryPoint, point);
      },
    });
  }

  step(): void {
    const drawn = this.random.below(26);
    if (drawn < 8) this.fetch();
    else if (drawn < 12) this.follow();
    else if (drawn < 14) this.flush();
    else if (drawn > 21) this.burst();
    else if (drawn < 15 + this.kills) this.kill();
    else if (drawn < 16 + this.kills) this.startAgain();
    else this.losePower();
  }

  /** A power loss soon after truncations and kills, before anything is synced. */
  private burst(): void {
    const { random } = this;
    this.log.flush(() => {});
    this.disk.settle();
    for (let count = 1 + random.below(2); count > 0; count--) {
      this.follow();
      if (random.below(2) === 0) this.kill();
      this.fetch();
      this.fetch();
    }
    this.losePower();
  }

  /** Elects a leader: any log so far, cut anywhere, with records of a new epoch. Or an earlier leader. */
  private follow(): void {
    const { random, histories } = this;
    const old = histories[random.below(histories.length)]!;
    if (random.below(3) === 0) this.leader = old;
    else {
      this.epoch++;
      this.digits = random.below(2) === 0 ? 6 : 90;
      const log = old.slice(0, random.below(old.length + 1));
      for (let count = 1 + random.below(8); count > 0; count--) log.push(this.made(log.at(-1)));
      histories.push(log);
      this.leader = log;
    }
    this.truncate();
    if (random.below(2) === 0) this.fetch();
  }

  private made(before: Batch | undefined): Batch {
    const id = this.known.size + 1;
    const [parent, baseOffset] = [before?.id ?? 0, before?.endOffset ?? 0];
    // Most batches have one record, so the batches of two histories often begin at the same offsets. A leader
    // writes small or large batches, so the segments of two histories begin at other offsets.
    const records = this.random.below(4) === 0 ? 2 : 1;
    const values = Array.from({ length: records }, () => String(id).padStart(this.digits, '0'));
    const bytes = batch(records, { values, baseOffset, leaderEpoch: this.epoch });
    const one = { id, parent, epoch: this.epoch, baseOffset, endOffset: baseOffset + records, bytes };
    this.known.set(id, one);
    return one;
  }

  /** Truncates the log to what it shares with the leader. */
  private truncate(): void {
    const shared = this.held.findIndex((one) => !this.leader.includes(one));
    if (shared < 0) return;
    const { baseOffset } = this.held[shared]!;
    this.log.truncateTo(baseOffset);
    this.held = this.held.slice(0, shared);
  }

  private fetch(): void {
    this.truncate();
    // A power loss may take a first segment that no sync covered.
    if (this.held.length === 0 && this.log.startOffset > 0) this.startAgain();
    const last = this.held.at(-1);
    const rest = this.leader.slice(last === undefined ? 0 : this.leader.indexOf(last) + 1);
    for (const one of rest.slice(0, this.random.below(6))) {
      const answer = this.log.appendAsFollower(one.bytes, NOW);
      if (!answer.ok) throw new Error(`an append failed: ${answer.message}`);
      this.held.push(one);
    }
  }

  private flush(): void {
    this.log.flush(() => {});
    if (this.random.below(4) > 0) this.disk.settle();
  }

  /** The follower deletes its log, as after damage. */
  private startAgain(): void {
    this.log.truncateFullyAndStartAt(0);
    this.held = [];
  }

  private kill(): void {
    const { endOffset } = this.log;
    const held = this.held.length;
    this.restart(this.disk);
    if (this.log.endOffset !== endOffset || this.held.length !== held)
      throw new Error(`a kill lost records below ${endOffset}`);
  }

  private losePower(): void {
    const { recoveryPoint } = this.log;
    const synced = this.held.filter(({ endOffset }) => endOffset <= recoveryPoint);
    this.restart(copyOf(this.disk.afterAnyLoss(this.loss())));
    const held = new Set(this.held);
    for (const one of synced) if (!held.has(one)) throw new Error(`batch ${one.id} was synced, and is lost`);
  }

  /**
   * Draws what a power loss keeps. Some losses keep about as much of each kind. Others undo mostly the older
   * changes of names, and mostly the truncations: then old records come back below newer segments.
   */
  private loss(): (kind: Unsynced, age: number) => boolean {
    const { random } = this;
    const isMean = random.below(2) === 0;
    const often = 2 + random.below(4);
    const lostAge = random.below(10) / 10;
    return (kind, age) => {
      if (!isMean) return random.below(often) > 0;
      const isLost = kind === 'truncation' || (kind === 'name' && age > lostAge);
      return random.below(8) === 0 ? isLost : !isLost;
    };
  }

  /** Opens what a crash left. After a kill, this is the same disk, with the same unsynced changes. */
  private restart(left: NamesDisk): void {
    this.recoveryPoint = Math.min(this.recoveryPoint, this.log.recoveryPoint);
    if (this.random.below(2) === 0) this.recoveryPoint = this.log.recoveryPoint;
    this.disk = left;
    this.log = this.open();
    this.held = this.batches();
  }

  private batches(): Batch[] {
    return readAll(this.log).map((bytes) => {
      const [record] = recordsOf(bytes);
      const id = Number(record!.slice(record!.indexOf('=') + 1));
      return this.known.get(id)!;
    });
  }

  verify(): void {
    const { offline, startOffset } = this.log;
    if (offline !== undefined) throw new Error(`the log is offline: ${offline}`);
    const batches = this.batches();
    if (batches.length !== this.held.length || batches.some((one, index) => one !== this.held[index]))
      throw new Error('the log has other records than its twin');
    for (const [index, { id, parent, baseOffset }] of batches.entries()) {
      const before = index === 0 && startOffset > 0 ? parent : (batches[index - 1]?.id ?? 0);
      if (parent !== before)
        throw new Error(`batch ${id} at ${baseOffset} follows batch ${before}, and not ${parent}`);
    }
    for (const one of batches)
      if (this.log.epochs.epochAt(one.baseOffset) !== readBatchHeader(one.bytes).leaderEpoch)
        throw new Error(`the log does not know the leader epoch at ${one.baseOffset}`);
  }
}

/** A disk with the files that a crash left, all of them on the device. */
function copyOf(left: MemoryDisk): NamesDisk {
  const disk = new NamesDisk();
  disk.makeDirectory(DIRECTORY);
  for (const name of left.list(DIRECTORY)) {
    const file = disk.open(`${DIRECTORY}/${name}`);
    file.write(0, [left.readFile(`${DIRECTORY}/${name}`)!]);
    file.syncNow();
    file.close();
  }
  disk.syncDirectory(DIRECTORY);
  return disk;
}
