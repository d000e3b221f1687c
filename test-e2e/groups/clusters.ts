/**
 * Starts clusters for the tests of groups: Millrace, or Apache Kafka as the peer. Their settings allow short
 * sessions.
 */
import { startPeerKafka } from '../bench/peer-kafka.ts';
import { type Cluster, startMillrace } from '../lib/cluster.ts';

const PEER_HEAP_MEGABYTES = 512;

export function groupSettings(sessionMs: number): Record<string, string> {
  return {
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    'group.consumer.min.session.timeout.ms': '1000',
    'group.consumer.session.timeout.ms': String(sessionMs),
    'group.consumer.min.heartbeat.interval.ms': '100',
    'group.consumer.heartbeat.interval.ms': '300',
    'offsets.topic.num.partitions': '12',
  };
}

export async function startForGroups(
  sessionMs: number,
  peer?: 'combined' | 'three-and-three',
): Promise<Cluster> {
  const settings = groupSettings(sessionMs);
  if (peer === undefined) return await startMillrace({ settings });
  return await startPeerKafka(peer, { settings, heapMegabytes: PEER_HEAP_MEGABYTES });
}

/** A cluster that already runs. This run did not start it, so this run may not kill its nodes. */
export function runningCluster(bootstrapServers: string): Cluster {
  const refuse = async () => {
    throw new Error('this run did not start the cluster, so it may not hurt it');
  };
  const nodes = bootstrapServers.split(',').map((server, index) => {
    return { id: index, role: 'broker', pid: undefined, port: Number(server.split(':')[1]) } as const;
  });
  return {
    name: 'A running cluster',
    bootstrapServers,
    readyMs: 0,
    nodes: async () => nodes,
    kill: refuse,
    startAll: refuse,
    addBroker: refuse,
    stop: async () => {},
  };
}
