/**
 * DescribeLogDirs (35), KIP-113: the log directories of this broker and its replicas in them. A client asks
 * each broker. Leaves out partitions that this broker does not host.
 */
import { apis, type RequestOf } from '@millrace/protocol';
import type { AskedReplicas, ReplicaDescription } from '@millrace/replication';
import { defineHandler } from '../handler.ts';

export const describeLogDirs = defineHandler(apis.describeLogDirs, (broker, { body }, reply) => {
  const directories = broker.replicas.describeLogDirs(askedReplicas(body.topics));
  // There is only one directory, so no replica moves between directories, and no directory is cordoned.
  reply.send({
    results: directories.map(({ errorCode, path, replicas, totalBytes, usableBytes }) => ({
      errorCode,
      logDir: path,
      topics: topicsOf(replicas),
      totalBytes,
      usableBytes,
    })),
  });
});

function askedReplicas(topics: RequestOf<typeof apis.describeLogDirs>['topics']): AskedReplicas {
  if (topics === null) return null;
  const asked = new Map<string, Set<number>>();
  for (const { topic, partitions } of topics) {
    const known = asked.get(topic) ?? new Set<number>();
    for (const partition of partitions) known.add(partition);
    asked.set(topic, known);
  }
  return asked;
}

function topicsOf(replicas: readonly ReplicaDescription[]) {
  const byTopic = Map.groupBy(replicas, ({ topic }) => topic);
  return [...byTopic].map(([name, ofTopic]) => ({
    name,
    partitions: ofTopic.map(({ partition, sizeBytes, offsetLag }) => ({
      partitionIndex: partition,
      partitionSize: sizeBytes,
      offsetLag,
      isFutureKey: false,
    })),
  }));
}
