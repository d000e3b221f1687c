/**
 * Checks Raft's promises after every event:
 *
 * - Election safety: an epoch has at most one leader.
 * - Log matching: batches of the same offset and epoch are equal, and so are the batches before them.
 * - Leader completeness: a new leader has every committed record.
 * - State machine safety: committed records never change. Every listener gets the same records, in order,
 *   once.
 * - Durability: at the moment of commit, a majority of the voters has the record on disk. The high watermark
 *   of a process never falls. A vote on a device never changes within its epoch.
 */
import type { LogBatch, RaftEffect, SnapshotId, StorageWrite } from '../../../src/index.ts';
import { majoritySize } from '../../../src/majority.ts';
import { SimState } from './state.ts';
import type { SimNode, World } from './world.ts';

interface Seen {
  readonly text: string;
  readonly previous: string;
}

export class Violation extends Error {}

export class Checker {
  /** Every committed batch by index, as the first node committed it. */
  readonly committed: LogBatch[] = [];
  private committedEnd = 0;
  private readonly leaders = new Map<number, number>();
  private readonly seen = new Map<string, Seen>();
  private readonly watermarks = new Map<number, number>();
  private readonly told = new Map<number, number>();
  private readonly votes = new Map<string, number>();
  private readonly active = new Map<number, number | undefined>();
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  started(node: SimNode): void {
    this.watermarks.set(node.id, 0);
    this.told.set(node.id, 0);
    this.active.set(node.id, undefined);
    this.note(node.disk.batches, node.disk.start.epoch);
    const { newest } = node.raft!.snapshots;
    if (newest !== undefined) this.installed(node, newest.id);
  }

  /** The state of a snapshot is the state after exactly the committed records below its end. */
  installed(node: SimNode, { endOffset, epoch }: SnapshotId): void {
    if (endOffset > this.committedEnd) this.fail(`snapshot ${endOffset} of uncommitted state`, node);
    const expected = new SimState();
    let epochBefore = 0;
    for (const batch of this.committed) {
      if (batch.baseOffset >= endOffset) break;
      if (batch.kind === 'data') expected.apply(batch);
      epochBefore = batch.epoch;
    }
    if (expected.digest !== node.state.digest || expected.endOffset > endOffset || epochBefore !== epoch)
      this.fail(`snapshot ${endOffset}-${epoch} has another state than the log`, node);
    if (endOffset < this.watermarks.get(node.id)!) this.fail('a snapshot went back', node);
    this.watermarks.set(node.id, endOffset);
    this.told.set(node.id, endOffset);
  }

  /**
   * Checks log matching at every write of every node. Two batches with the same epoch and offset must be
   * equal, and the batches before them must have the same epoch. By induction, all earlier batches are then
   * equal, too.
   */
  writes(node: SimNode, writes: readonly StorageWrite[]): void {
    for (const write of writes) {
      if (write.type === 'append')
        this.note(write.batches, node.raft!.log.epochBefore(write.batches[0]!.baseOffset));
    }
  }

  /** Called when the writes are durable. Checks the votes among them. */
  written(node: SimNode, writes: readonly StorageWrite[]): void {
    for (const write of writes) {
      if (write.type !== 'vote' || write.vote.votedFor === -1) continue;
      const name = `${node.key}/${write.vote.epoch}`;
      const known = this.votes.get(name);
      if (known !== undefined && known !== write.vote.votedFor) this.fail('two votes in one epoch', node);
      this.votes.set(name, write.vote.votedFor);
    }
  }

  private note(batches: readonly LogBatch[], epochBefore: number): void {
    let previous = epochBefore;
    for (const batch of batches) {
      const name = `${batch.epoch}@${batch.baseOffset}`;
      const seen = { text: textOf(batch), previous: String(previous) };
      const known = this.seen.get(name);
      if (known !== undefined && (known.text !== seen.text || known.previous !== seen.previous))
        this.fail(`log matching broken at ${name}`);
      this.seen.set(name, seen);
      previous = batch.epoch;
    }
  }

  effect(node: SimNode, effect: RaftEffect): void {
    if (effect.type === 'committed') {
      // Adds the commits of this step to `committed` first, because `tell` looks them up there.
      this.watermark(node);
      for (const batch of effect.batches) this.tell(node, batch.baseOffset, batch.epoch, batch.records);
    } else if (effect.type === 'becameLeader') {
      if (node.raft!.role !== 'leader') this.fail('announced without leading', node);
      this.active.set(node.id, effect.epoch);
      if (node.raft!.highWatermark < this.endOfOlder(effect.epoch))
        this.fail('leader active too early', node);
      this.world.count('leader active');
    } else if (effect.type === 'resigned') {
      if (this.active.get(node.id) !== effect.epoch) this.fail('resigned an unannounced leadership', node);
      this.active.set(node.id, undefined);
    }
  }

  private endOfOlder(epoch: number): number {
    let end = 0;
    for (const batch of this.committed)
      if (batch.epoch < epoch) end = batch.baseOffset + batch.records.length;
    return end;
  }

  /** Checks that the listener of each process gets every committed data batch in order. */
  private tell(node: SimNode, baseOffset: number, epoch: number, records: readonly Uint8Array[]): void {
    const expected = this.committed.find(
      (batch) => batch.kind === 'data' && batch.baseOffset >= this.told.get(node.id)!,
    );
    if (expected === undefined || expected.baseOffset !== baseOffset || expected.epoch !== epoch)
      this.fail(`delivered ${epoch}@${baseOffset} out of order`, node);
    if (textOf({ ...expected!, records }) !== textOf(expected!)) this.fail('delivered other records', node);
    this.told.set(node.id, baseOffset + records.length);
  }

  check(node: SimNode): void {
    const { raft } = node;
    if (raft === undefined) return;
    this.watermark(node);
    if (raft.role !== 'leader') return;
    const known = this.leaders.get(raft.epoch);
    if (known === undefined) {
      this.leaders.set(raft.epoch, node.id);
      this.complete(node);
    } else if (known !== node.id)
      this.fail(`epoch ${raft.epoch} has leaders n${known} and n${node.id}`, node);
  }

  private complete(node: SimNode): void {
    const { log: whole } = node.raft!;
    const { startOffset } = whole;
    const log = whole.read(startOffset, whole.endOffset, Number.POSITIVE_INFINITY);
    const committed = this.committed.filter(({ baseOffset }) => baseOffset >= startOffset);
    for (const [index, batch] of committed.entries()) {
      if (
        log[index] === undefined ||
        textOf(log[index]) !== textOf(batch) ||
        log[index].epoch !== batch.epoch
      )
        this.fail(`the leader of epoch ${node.raft!.epoch} lacks ${batch.epoch}@${batch.baseOffset}`, node);
    }
  }

  private watermark(node: SimNode): void {
    const raft = node.raft!;
    const before = this.watermarks.get(node.id)!;
    if (raft.highWatermark < before) this.fail('the high watermark fell', node);
    if (raft.highWatermark === before) return;
    this.watermarks.set(node.id, raft.highWatermark);
    for (const batch of raft.log.read(before, raft.highWatermark, Number.POSITIVE_INFINITY)) {
      if (batch.baseOffset < this.committedEnd) this.compare(node, batch);
      else this.commit(node, batch);
    }
  }

  private compare(node: SimNode, batch: LogBatch): void {
    let low = 0;
    let high = this.committed.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.committed[middle]!.baseOffset < batch.baseOffset) low = middle + 1;
      else high = middle;
    }
    const known = this.committed[low];
    if (
      known?.baseOffset !== batch.baseOffset ||
      known.epoch !== batch.epoch ||
      textOf(known) !== textOf(batch)
    )
      this.fail(`committed ${batch.epoch}@${batch.baseOffset} differs from the first commit`, node);
  }

  private commit(node: SimNode, batch: LogBatch): void {
    if (node.raft!.role !== 'leader') this.fail('a follower committed first', node);
    this.committed.push(batch);
    this.committedEnd = batch.baseOffset + batch.records.length;
    const voters = node.raft!.voters.voters;
    const holders = voters.filter(({ id, key }) => {
      const { disk, key: now } = this.world.nodes[id - 1]!;
      // A voter that has lost its disk counts. Before the loss it may have had the record, and may have shown
      // that to the leader with a fetch.
      return (
        now !== key ||
        disk.start.endOffset > batch.baseOffset ||
        disk.batches.some((b) => b.baseOffset === batch.baseOffset && b.epoch === batch.epoch)
      );
    });
    if (holders.length < majoritySize(voters.length)) this.fail('committed without a durable majority', node);
  }

  fail(what: string, node?: SimNode): never {
    const where = node === undefined ? '' : ` (n${node.id}, ${node.raft?.role}, epoch ${node.raft?.epoch})`;
    const story = this.world.story.slice(-60).join('\n');
    throw new Violation(`seed ${this.world.options.seed}, ${this.world.now} ms: ${what}${where}\n${story}`);
  }
}

function textOf(batch: Pick<LogBatch, 'kind' | 'records'>): string {
  return `${batch.kind}:${batch.records.map((record) => new TextDecoder('latin1').decode(record)).join(',')}`;
}
