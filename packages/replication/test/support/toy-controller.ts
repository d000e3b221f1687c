/** A simplified controller without a quorum. Decides registrations, fencing, elections and ISR changes. */
import type { NodeId, Offset, Uuid } from '@millrace/base';
import type { AlterPartitionRequest, AlterPartitionResponse } from '@millrace/control';
import {
  applyRecords,
  MetadataImage,
  type MetadataRecord,
  type PartitionImage,
  type RecordBatch,
} from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';

export class ToyController {
  image = MetadataImage.EMPTY;
  readonly log: RecordBatch[] = [];
  /** Called after each commit. */
  onCommit: () => void = () => {};
  private topics = 0;
  private readonly history: string;

  /**
   * `history` is the prefix of all topic ids. A test passes another prefix to stand for a newly formed
   * quorum, whose topics have other ids.
   */
  constructor(history = 'topic') {
    this.history = history;
  }

  commit(records: readonly MetadataRecord[]): Offset {
    const batch = { baseOffset: this.image.offset + 1, epoch: 1, records };
    this.image = applyRecords(this.image, batch).image;
    this.log.push(batch);
    this.onCommit();
    return batch.baseOffset;
  }

  /**
   * Registers a restarted broker that may have lost unflushed records. The broker leaves every ISR that has
   * another member.
   */
  register(id: NodeId): Offset {
    const changes = this.withdrawals(id);
    const record: MetadataRecord = {
      type: 'registerBroker',
      brokerId: id,
      incarnationId: `incarnation-${this.image.offset}`.padEnd(22, 'A').slice(0, 22) as Uuid,
      listeners: [{ name: 'PLAINTEXT', host: `b${id}`, port: 9092 }],
      logDirs: [],
    };
    return this.commit([record, ...changes]);
  }

  fence(id: NodeId): void {
    const broker = this.image.broker(id);
    if (broker === undefined || broker.fenced) return;
    this.commit([
      { type: 'brokerChange', brokerId: id, brokerEpoch: broker.epoch, fenced: true },
      ...this.withdrawals(id),
    ]);
  }

  unfence(id: NodeId): void {
    const broker = this.image.broker(id);
    if (broker === undefined || !broker.fenced) return;
    const elected: MetadataRecord[] = [];
    for (const { topic, index, partition } of this.image.partitionsOf(id))
      if (partition.leader === -1 && partition.isr.includes(id))
        elected.push({ type: 'partitionChange', topicId: topic.id, partition: index, leader: id });
    this.commit([
      { type: 'brokerChange', brokerId: id, brokerEpoch: broker.epoch, fenced: false },
      ...elected,
    ]);
  }

  private withdrawals(id: NodeId): MetadataRecord[] {
    const records: MetadataRecord[] = [];
    for (const { topic, index, partition } of this.image.partitionsOf(id)) {
      const isr = partition.isr.filter((member) => member !== id);
      const base = { type: 'partitionChange', topicId: topic.id, partition: index } as const;
      const shrunk = partition.isr.includes(id) && isr.length > 0 ? { isr } : {};
      const leader =
        partition.leader === id ? { leader: isr.find((member) => this.image.isAlive(member)) ?? -1 } : {};
      if ('isr' in shrunk || 'leader' in leader) records.push({ ...base, ...shrunk, ...leader });
    }
    return records;
  }

  createTopic(
    name: string,
    replicas: readonly (readonly NodeId[])[],
    configs: Record<string, string> = {},
  ): Uuid {
    const topicId = `${this.history}${this.topics++}`.padEnd(22, 'A') as Uuid;
    this.commit([
      { type: 'topic', name, topicId },
      ...replicas.map(
        (ids, partition): MetadataRecord => ({
          type: 'partition',
          topicId,
          partition,
          replicas: ids,
          isr: ids,
          leader: ids[0]!,
          leaderEpoch: 0,
          partitionEpoch: 0,
        }),
      ),
      ...Object.entries(configs).map(
        ([key, value]): MetadataRecord => ({
          type: 'config',
          resourceType: 'topic',
          resourceName: name,
          name: key,
          value,
        }),
      ),
    ]);
    return topicId;
  }

  /** Moves leadership to a member of the ISR. */
  elect(topicId: Uuid, partition: number, leader: NodeId): void {
    this.commit([{ type: 'partitionChange', topicId, partition, leader }]);
  }

  alterPartition(request: AlterPartitionRequest): AlterPartitionResponse {
    if (this.image.broker(request.brokerId)?.epoch !== request.brokerEpoch)
      return { errorCode: ErrorCode.STALE_BROKER_EPOCH, partitions: [] };
    const partitions = request.partitions.map((wanted) => {
      const topicId = wanted.topicId as Uuid;
      const before = this.image.partition(topicId, wanted.partition);
      const errorCode =
        before === undefined ? ErrorCode.UNKNOWN_TOPIC_ID : this.check(request.brokerId, before, wanted);
      if (errorCode === ErrorCode.NONE) {
        const isr = (wanted.storageFailed ? before!.isr : wanted.isr.map((member) => member.brokerId)).filter(
          (id, _index, { length }) => !wanted.storageFailed || id !== request.brokerId || length === 1,
        );
        const active = isr.find((id) => id !== request.brokerId && this.image.isActive(id)) ?? -1;
        const leader = isr.includes(request.brokerId) && !wanted.storageFailed ? {} : { leader: active };
        this.commit([{ type: 'partitionChange', topicId, partition: wanted.partition, isr, ...leader }]);
      }
      const now = this.image.partition(topicId, wanted.partition);
      return {
        topicId: wanted.topicId,
        partition: wanted.partition,
        errorCode,
        leader: now?.leader ?? -1,
        leaderEpoch: now?.leaderEpoch ?? -1,
        isr: [...(now?.isr ?? [])],
        partitionEpoch: now?.partitionEpoch ?? -1,
      };
    });
    return { errorCode: ErrorCode.NONE, partitions };
  }

  private check(
    brokerId: NodeId,
    now: PartitionImage,
    wanted: AlterPartitionRequest['partitions'][number],
  ): ErrorCode {
    if (wanted.storageFailed && now.isr.every((id) => id === brokerId)) return ErrorCode.INELIGIBLE_REPLICA;
    if (wanted.storageFailed && now.leaderEpoch === wanted.leaderEpoch && now.isr.includes(brokerId))
      return now.partitionEpoch === wanted.partitionEpoch ? ErrorCode.NONE : ErrorCode.INVALID_UPDATE_VERSION;
    if (now.leader !== brokerId || now.leaderEpoch !== wanted.leaderEpoch)
      return ErrorCode.FENCED_LEADER_EPOCH;
    if (now.partitionEpoch !== wanted.partitionEpoch) return ErrorCode.INVALID_UPDATE_VERSION;
    for (const member of wanted.isr) {
      if (!now.replicas.includes(member.brokerId)) return ErrorCode.INVALID_REQUEST;
      const isKnown = this.image.broker(member.brokerId)?.epoch === member.brokerEpoch;
      if (!now.isr.includes(member.brokerId) && !(isKnown && this.image.isActive(member.brokerId)))
        return ErrorCode.INELIGIBLE_REPLICA;
    }
    return ErrorCode.NONE;
  }
}
