/**
 * The two clusters of the comparison. Each has one broker. This file starts a cluster unless it already runs.
 */
import { startPeerKafka } from '../bench/peer-kafka.ts';
import { type Cluster, startMillrace } from '../lib/cluster.ts';

/**
 * With these settings coordinators do not wait for more members, which never come. So they answer a join at
 * once.
 */
const settings = {
  'group.initial.rebalance.delay.ms': '0',
  'group.consumer.assignment.interval.ms': '0',
};
/** The level of the logger `root`, as in the log4j2.properties of Apache Kafka here. */
const ourSettings = { ...settings, 'logger.level': 'warn' };

export async function withSides<T>(
  running: { readonly bootstrap?: string | undefined; readonly peer?: string | undefined },
  work: (ours: string, peer: string) => Promise<T>,
): Promise<T> {
  const started: Cluster[] = [];
  const keep = async (starting: Promise<Cluster>) => {
    const cluster = await starting;
    started.push(cluster);
    return cluster.bootstrapServers;
  };
  try {
    const [ours, peer] = await Promise.all([
      running.bootstrap ?? keep(startMillrace({ controllers: 1, brokers: 1, settings: ourSettings })),
      running.peer ?? keep(startPeerKafka('combined', { settings })),
    ]);
    return await work(ours, peer);
  } finally {
    await Promise.all(started.map((cluster) => cluster.stop()));
  }
}
