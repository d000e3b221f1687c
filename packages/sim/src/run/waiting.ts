/**
 * The state of the nodes when a time limit has passed: which nodes are down or fenced, and what the nodes and
 * partitions wait for.
 */
import { membersText } from '../checkers/image/partition-steps.ts';
import type { PartitionPlace, SimCluster, SimNode } from '../cluster/index.ts';

/**
 * A line for the active controller, then one for each node that does not work as it should, and one for each
 * partition that waits.
 */
export function waitingLines(cluster: SimCluster): string[] {
  const lines: string[] = [];
  const active = cluster.activeController();
  lines.push(active === undefined ? 'no controller is active' : `${active.name} is the active controller`);
  for (const node of cluster.nodes) {
    const waits = node.isBroker ? brokerWaits(cluster, node) : processWaits(node);
    if (waits.length > 0) lines.push(`${node.name} ${waits.join('; ')}`);
  }
  for (const place of cluster.partitions()) {
    const waits = partitionWaits(cluster, place);
    if (waits.length > 0) lines.push(`${place.topic}-${place.partition}: ${waits.join('; ')}`);
  }
  return lines;
}

function processWaits(node: SimNode): string[] {
  if (node.selfEnd !== undefined && !node.isUp) return [`gave up: ${node.selfEnd.message}`];
  if (!node.isUp) return ['is down'];
  if (node.life?.isPaused === true) return ['is paused'];
  return node.roles === undefined ? ['opens its data folder'] : [];
}

function brokerWaits(cluster: SimCluster, node: SimNode): string[] {
  const waits = processWaits(node);
  const broker = node.roles?.broker;
  if (broker === undefined) return waits;
  const image = cluster.image();
  const { replicas, metadata } = broker;
  const registered = image.broker(node.id);
  if (registered === undefined) waits.push('never registered');
  else if (replicas.brokerEpoch < 0) waits.push('waits for the answer to its registration');
  else if (registered.epoch !== replicas.brokerEpoch)
    waits.push(`has the broker epoch ${replicas.brokerEpoch}, but ${registered.epoch} is registered`);
  if (registered?.fenced === true) waits.push('is fenced');
  if (registered?.inControlledShutdown === true) waits.push('is in controlled shutdown');
  if (metadata.offset < image.offset) waits.push(`has metadata up to ${metadata.offset} of ${image.offset}`);
  if (!replicas.holdsLease) waits.push('holds no lease');
  return waits;
}

function partitionWaits(cluster: SimCluster, { topicId, partition, image }: PartitionPlace): string[] {
  const leader = cluster.node(image.leader);
  if (leader === undefined) return [`has no leader; ${membersText(image)}`];
  const led = cluster.replica(leader, topicId, partition);
  const end = led?.log.endOffset;
  const waits: string[] = [];
  if (led?.leadership === undefined) waits.push(`${leader.name} does not know that it leads`);
  for (const id of image.replicas) {
    if (image.isr.includes(id)) continue;
    const replica = cluster.replica(cluster.node(id)!, topicId, partition);
    if (replica === undefined) waits.push(`broker ${id} has not opened its log`);
    else if (replica.isOffline) waits.push(`the replica of broker ${id} is offline`);
    else waits.push(`broker ${id} is not in the ISR and ends at ${replica.log.endOffset} of ${end}`);
  }
  if (led?.leadership !== undefined && led.highWatermark < led.log.endOffset)
    waits.push(`${leader.name} has committed ${led.highWatermark} of ${end}`);
  return waits;
}
