/**
 * What an acknowledged DeleteRecords promises. L is the low watermark in the answer.
 *
 * - L is not below the offset that the client named.
 * - If a broker was active and in the ISR from the request to the answer, its log begins at or above L when
 *   the answer arrives. After that, the checker `log-start-fell` demands that this process does not lower its
 *   log start offset.
 * - No consumer reads a record below L, or learns that the log begins below L. This does not hold if the log
 *   of a leader has begun below L since the answer. Such a leader was away during the deletion, or its
 *   process ended later without the new log start offset in its checkpoint. `docs/log.md` allows this, as
 *   Kafka does.
 */
import type { NodeId, Offset } from '@millrace/base';
import type { AskedDeletion, AssignOp, DeleteRecordsOp, Op, PollOp } from '@millrace/checkers';
import type { MetadataImage } from '@millrace/metadata';
import { type Life, type Micros, SECOND } from '../world/index.ts';
import { isOf } from './asked-deletions.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import { hostedReplicas } from './hosted-replicas.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'deleted-records-back';
/**
 * An answer that arrives later than this after an acknowledged deletion belongs to a request that was sent
 * after the acknowledgement.
 */
const ANSWER_US: Micros = 5 * SECOND;

export const deletedRecordsBack: StateCheckerKind = {
  name: NAME,
  sentence:
    'the answer to a deletion of records has a low watermark, which is at least the offset of the request; the log of every live member of the ISR begins at or above it; no leader serves offsets below it, unless this leader missed or forgot the deletion',
  make: (scope) => new DeletedRecordsBack(scope),
};

/** A deletion without an answer yet, and the processes that it must reach. */
interface Open {
  readonly asked: AskedDeletion;
  readonly members: Map<NodeId, Life>;
}

/** An acknowledged deletion. */
interface Acknowledged {
  readonly lowWatermark: Offset;
  readonly sinceUs: Micros;
  /** The smallest log start offset of a leader since then. */
  floor: Offset;
}

class DeletedRecordsBack implements StateChecker {
  private readonly scope: StateScope;
  private seen = 0;
  private open: Open[] = [];
  /** By partition, in the order of the acknowledgements. */
  private readonly acknowledged = new Map<string, Acknowledged[]>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(): void {
    const { askedDeletions } = this.scope.history;
    for (; this.seen < askedDeletions.length; this.seen++) {
      const asked = askedDeletions[this.seen]!;
      this.open.push({ asked, members: this.membersOf(asked) });
    }
  }

  /** A broker that leaves the ISR, or that is no longer active, need not know the deletion. */
  committed(_before: MetadataImage, after: MetadataImage): void {
    for (const { asked, members } of this.open) {
      const isr = after.topic(asked.topic)?.partitions[asked.partition]?.isr ?? [];
      for (const id of members.keys()) if (!isr.includes(id) || !after.isActive(id)) members.delete(id);
    }
  }

  op(op: Op): void {
    if (op.type === 'delete-records') this.ended(op);
    else if (op.type === 'assign' && op.why !== 'truncated') this.judgeAnswer(op, op.offset);
    else if (op.type === 'poll' && op.records.length > 0) this.judgeAnswer(op, op.records[0]!.offset);
  }

  replicaMoved({ replica }: HostedReplica): void {
    if (this.acknowledged.size === 0 || replica.leadership === undefined) return;
    const { startOffset } = replica.log;
    for (const one of this.acknowledged.get(`${replica.topicId}-${replica.index}`) ?? []) {
      if (startOffset >= one.floor) continue;
      one.floor = startOffset;
      this.scope.count('deletion of records forgotten');
    }
  }

  private membersOf({ topic, partition }: AskedDeletion): Map<NodeId, Life> {
    const { cluster, metadata } = this.scope;
    const isr = metadata.newest.topic(topic)?.partitions[partition]?.isr ?? [];
    const lives = isr.map((id) => [id, cluster.node(id)?.life] as const);
    return new Map(
      lives.filter((one): one is [NodeId, Life] => one[1] !== undefined && metadata.newest.isActive(one[0])),
    );
  }

  private ended(op: DeleteRecordsOp): void {
    const index = this.open.findIndex(({ asked }) => isOf(asked, op));
    const [open] = index < 0 ? [] : this.open.splice(index, 1);
    const { lowWatermark, topicId, partition } = op;
    if (lowWatermark !== undefined && lowWatermark < op.offset) this.tooLow(op, lowWatermark);
    if (lowWatermark === undefined || topicId === undefined || this.scope.isExempt(op)) return;
    for (const [id, life] of open?.members ?? []) this.judgeMember(op, id, life, lowWatermark);
    const key = `${topicId}-${partition}`;
    const known = this.acknowledged.get(key) ?? [];
    this.acknowledged.set(key, known);
    if (known.some((one) => one.floor >= lowWatermark)) return;
    const floor = Math.min(lowWatermark, ...this.leaderStarts(op));
    known.push({ lowWatermark, sinceUs: op.endedUs, floor });
  }

  private tooLow({ topic, partition, offset }: DeleteRecordsOp, lowWatermark: Offset): never {
    return this.scope.world.fail(
      NAME,
      `the deletion of the records below ${offset} in ${topic}-${partition} was acknowledged with the low watermark ${lowWatermark}`,
    );
  }

  private judgeMember(op: DeleteRecordsOp, id: NodeId, life: Life, lowWatermark: Offset): void {
    const { cluster, world } = this.scope;
    const node = cluster.node(id);
    if (node?.life !== life || node.disk.isDamaged) return;
    const replica = cluster.replica(node, op.topicId!, op.partition);
    if (replica === undefined || replica.log.startOffset >= lowWatermark) return;
    world.fail(
      NAME,
      `${node.name} begins ${op.topic}-${op.partition} at ${replica.log.startOffset}, but the deletion of the records below ${lowWatermark} was acknowledged`,
    );
  }

  private leaderStarts({ topicId, partition }: DeleteRecordsOp): Offset[] {
    const { cluster } = this.scope;
    return [...cluster.nodes, ...cluster.standIns].flatMap((node) =>
      hostedReplicas(node)
        .filter((one) => one.topicId === topicId && one.index === partition && one.leadership !== undefined)
        .map(({ log }) => log.startOffset),
    );
  }

  private judgeAnswer(op: PollOp | AssignOp, offset: Offset): void {
    if (this.acknowledged.size === 0 || op.topicId === undefined) return;
    const known = this.acknowledged
      .get(`${op.topicId}-${op.partition}`)
      ?.find(({ floor, sinceUs }) => offset < floor && op.endedUs >= sinceUs + ANSWER_US);
    if (known === undefined || this.scope.isExempt(op)) return;
    const what = op.type === 'poll' ? 'was given' : 'learned that the log begins at';
    this.scope.world.fail(
      NAME,
      `${op.client} ${what} ${offset} in ${op.topic}-${op.partition}, but the deletion of the records below ${known.lowWatermark} was acknowledged, and no leader has begun below ${known.floor} since`,
    );
  }
}
