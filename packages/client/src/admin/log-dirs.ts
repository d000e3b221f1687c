/** Describes the log directories of every live broker: the space of their disks, and their replicas. */
import { apis, type DescribeLogDirsResponse, ErrorCode, errorName, isRetriable } from '@millrace/protocol';
import { sorted, type TopicPartition } from '../groups/topic-partitions.ts';
import { askEachBroker, type EachBrokerCall } from './each-broker.ts';

export interface ReplicaSize extends TopicPartition {
  readonly sizeBytes: number;
  /** The number of committed records that the replica lacks; -1: unknown, for example if it is offline. */
  readonly offsetLag: number;
  /** True for a future replica: a copy that will later replace the replica in another directory. */
  readonly isFuture: boolean;
}

export interface LogDir {
  readonly path: string;
  /** Kafka's name of the error; undefined: the directory works. */
  readonly error: string | undefined;
  /** The size of the file system; undefined: the broker does not report it. */
  readonly totalBytes: number | undefined;
  /** The bytes that the broker may still write; undefined: the broker does not report it. */
  readonly usableBytes: number | undefined;
  /** True if the broker places no new replicas there (KIP-1066). */
  readonly isCordoned: boolean;
  /** Sorted by topic and partition. */
  readonly replicas: readonly ReplicaSize[];
}

export interface LogDirsCall
  extends Pick<EachBrokerCall<readonly LogDir[]>, 'clock' | 'cluster' | 'timeoutMs' | 'done'> {
  /** The partitions to describe, by topic. Null: all. */
  readonly topics: ReadonlyMap<string, readonly number[]> | null;
  /** The wait between two attempts. Default 100. */
  readonly retryMs?: number;
}

const RETRY_MS = 100;

export function describeLogDirs({ topics, retryMs = RETRY_MS, ...call }: LogDirsCall): void {
  const asked = topics === null ? null : [...topics].map(([topic, partitions]) => ({ topic, partitions }));
  askEachBroker<readonly LogDir[]>({
    ...call,
    retryMs,
    api: apis.describeLogDirs,
    send: (connection, version, answered) =>
      connection.request(apis.describeLogDirs, version, { topics: asked }, (response) => {
        if (response === undefined) answered(undefined);
        else if (response.errorCode === ErrorCode.NONE) answered({ value: logDirsIn(response) });
        else if (isRetriable(response.errorCode)) answered({ retry: response.errorCode });
        else answered({ fatal: response.errorCode });
      }),
  });
}

function logDirsIn({ results }: DescribeLogDirsResponse): LogDir[] {
  return results.map(({ errorCode, logDir, topics, totalBytes, usableBytes, isCordoned }) => ({
    path: logDir,
    error: errorCode === ErrorCode.NONE ? undefined : errorName(errorCode),
    totalBytes: totalBytes < 0 ? undefined : totalBytes,
    usableBytes: usableBytes < 0 ? undefined : usableBytes,
    isCordoned,
    replicas: sorted(
      topics.flatMap(({ name, partitions }) => partitions.map((each) => replicaOf(name, each))),
    ),
  }));
}

type Answered = DescribeLogDirsResponse['results'][number]['topics'][number]['partitions'][number];

function replicaOf(topic: string, replica: Answered): ReplicaSize {
  const { partitionIndex: partition, partitionSize: sizeBytes, offsetLag, isFutureKey: isFuture } = replica;
  return { topic, partition, sizeBytes, offsetLag, isFuture };
}
