/** Committed offsets on a shard in memory, with a transcript of the decisions and the answers. */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { applyRecords, type MetadataDelta, type MetadataRecord } from '@millrace/metadata';
import { decodeGroupRecord, errorName } from '@millrace/protocol';
import {
  type CommitTopics,
  CommittedOffsets,
  type FetchResult,
  type PendingOffsets,
} from '../../src/offsets/committed-offsets.ts';
import type { Expiry } from '../../src/offsets/expiry.ts';
import type { CoordinatorRecord } from '../../src/runtime/machine.ts';
import { FakeShardPort } from '../../src/testing/index.ts';

export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;
export const config = { metadataMaxChars: 10, retentionMs: 7 * DAY, retentionCheckIntervalMs: 10 * MINUTE };
export const SIMPLE: Expiry = { kind: 'since-commit', isSubscribed: () => false };

/** The ids of topics that a test creates. `orders again` is for a second topic with the name `orders`. */
export const ids: Readonly<Record<string, Uuid>> = {
  orders: 'b3JkZXJzb3JkZXJzb3JkZQ' as Uuid,
  'orders again': 'YWdhaW5hZ2FpbmFnYWluYQ' as Uuid,
  bills: 'YmlsbHNiaWxsc2JpbGxzYg' as Uuid,
};

/** One partition of a commit. */
export interface Committed {
  readonly offset: number;
  readonly epoch?: number;
  readonly metadata?: string | null;
}

export class OffsetsShard {
  readonly port: FakeShardPort;
  readonly offsets: CommittedOffsets;
  /** The expiry rule of each group. A group without an entry is a simple group. */
  readonly expiry = new Map<string, Expiry>();
  /** The partitions with a pending transactional commit, as `group topic-partition`. */
  readonly pending = new Set<string>();

  constructor(commitsAtOnce = false, topics: readonly string[] = ['orders', 'bills']) {
    this.port = new FakeShardPort({ show, commitsAtOnce });
    for (const topic of topics) this.createTopic(topic);
    const { port } = this;
    const pending: PendingOffsets = {
      has: (group, topic, partition) => this.pending.has(`${group} ${topic}-${partition}`),
    };
    this.offsets = new CommittedOffsets({
      port,
      config,
      pending,
      groups: {
        expiryOf: (group) => this.expiry.get(group) ?? SIMPLE,
        lastWriteOf: () => 0,
        offsetsExpired: (group) => port.note(`${group} has no offsets`),
        expiryChecked: () => port.note('checked'),
      },
    });
    port.host(replaying(this.offsets));
    this.offsets.loaded();
  }

  createTopic(name: string, id: Uuid = ids[name]!): MetadataDelta {
    const partition = { replicas: [1], isr: [1], leader: 1, leaderEpoch: 0, partitionEpoch: 0 };
    return this.metadata([
      { type: 'topic', name, topicId: id },
      { type: 'partition', topicId: id, partition: 0, ...partition },
    ]);
  }

  deleteTopic(name: string): MetadataDelta {
    return this.metadata([{ type: 'removeTopic', topicId: this.port.metadata.topic(name)!.id }]);
  }

  private metadata(records: MetadataRecord[]): MetadataDelta {
    const { metadata } = this.port;
    const { image, delta } = applyRecords(metadata, { baseOffset: metadata.offset + 1, epoch: 1, records });
    this.port.metadata = image;
    return delta;
  }

  commit(
    group: string,
    topic: string,
    partitions: Readonly<Record<number, Committed>>,
    retentionTimeMs = -1,
  ): void {
    this.offsets.commit(group, commitTopics(topic, partitions), retentionTimeMs, (results) => {
      for (const { name, partitions } of results)
        for (const { partitionIndex, errorCode } of partitions)
          this.port.note(`commit ${group} ${name}-${partitionIndex} ${errorName(errorCode)}`);
    });
  }

  fetch(
    group: string,
    topics: Readonly<Record<string, readonly number[]>> | null = null,
    requireStable = false,
  ): void {
    const wanted =
      topics &&
      Object.entries(topics).map(([name, partitionIndexes]) => ({
        name,
        topicId: ZERO_UUID,
        partitionIndexes: [...partitionIndexes],
      }));
    this.offsets.fetch(group, wanted, requireStable, (result) =>
      this.port.note(`fetch ${group}: ${shown(result)}`),
    );
  }

  delete(
    group: string,
    topics: Readonly<Record<string, readonly number[]>>,
    subscribed: readonly string[] = [],
  ): void {
    const wanted = Object.entries(topics).map(([name, partitions]) => ({
      name,
      partitions: partitions.map((partitionIndex) => ({ partitionIndex })),
    }));
    const isSubscribed = (topic: string) => subscribed.includes(topic);
    this.offsets.delete(group, wanted, isSubscribed, ({ errorCode, topics }) => {
      this.port.note(`delete ${group} ${errorName(errorCode)}`);
      for (const { name, partitions } of topics)
        for (const { partitionIndex, errorCode } of partitions)
          this.port.note(`delete ${group} ${name}-${partitionIndex} ${errorName(errorCode)}`);
    });
  }

  /** Commits everything, and returns the lines since the last call. */
  settle(): string[] {
    this.port.commit();
    return this.port.transcript();
  }
}

export function replaying(offsets: CommittedOffsets) {
  return {
    replay({ key, value }: CoordinatorRecord) {
      const decoded = decodeGroupRecord(key, value);
      if (decoded?.name === 'offsetCommit') offsets.replay(decoded.key, decoded.value);
    },
  };
}

export function commitTopics(topic: string, partitions: Readonly<Record<number, Committed>>): CommitTopics {
  const list = Object.entries(partitions).map(([partition, { offset, epoch = -1, metadata = '' }]) => ({
    partitionIndex: Number(partition),
    committedOffset: offset,
    committedLeaderEpoch: epoch,
    committedMetadata: metadata,
  }));
  return [{ name: topic, topicId: ZERO_UUID, partitions: list }];
}

/** Shows the offsets as text: `orders-0 5 epoch 3 "m"`, or `orders-0 -1` if there is no offset. */
export function shown({ errorCode, topics }: FetchResult): string {
  const lines = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode }) => {
      const epoch = committedLeaderEpoch === -1 ? '' : ` epoch ${committedLeaderEpoch}`;
      const text = metadata === '' ? '' : ` "${metadata}"`;
      const error = errorCode === 0 ? '' : ` ${errorName(errorCode)}`;
      return `${name}-${partitionIndex} ${committedOffset}${epoch}${text}${error}`;
    }),
  );
  return errorCode === 0 ? lines.join(', ') || 'nothing' : errorName(errorCode);
}

/** Shows a record as text: `g orders-0=5`, or `g orders-0=` for a tombstone. */
function show({ key, value: bytes }: CoordinatorRecord): string {
  const decoded = decodeGroupRecord(key, bytes);
  if (decoded === undefined) return 'another record';
  if (decoded.name === 'groupMetadata') return `group-metadata ${decoded.key.group}`;
  if (decoded.name !== 'offsetCommit') return decoded.name;
  const { group, topic, partition } = decoded.key;
  const { value } = decoded;
  return `${group} ${topic}-${partition}=${value === null ? '' : value.offset}`;
}
