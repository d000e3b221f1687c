/**
 * Peace after an incident: the simulator repairs everything, and within a stated time the cluster must work
 * as if no fault had happened.
 */
import { assert, type NodeId } from '@millrace/base';
import type { PartitionPlace, SimCluster, SimNode } from '../cluster/index.ts';
import type { Atlas } from '../faults/index.ts';
import type { Supervisor } from './supervisor.ts';

/**
 * Heals links, resumes frozen processes, frees disk space, disarms the faults of disks, sets clocks and
 * timers right, and starts every process that is down.
 */
export function makePeace(cluster: SimCluster, supervisor: Supervisor): void {
  assert(cluster.standIns.length === 0, 'a second process with the id of a node ends with its incident');
  cluster.network.healAll();
  for (const node of cluster.nodes) {
    node.host.setClockRight();
    node.host.timersLateUs = 0;
    node.host.hasSlowJobs = false;
    node.disk.disarm();
    node.disk.setFull(false);
    node.disk.setFreeBytes(undefined);
    node.disk.setSlow(undefined);
    node.life?.resume();
  }
  supervisor.startAll(cluster);
}

/**
 * Acts as an operator who repairs what does not heal by itself. Replaces a damaged disk as soon as other
 * replicas have all its records. Replaces a damaged quorum store at once. Kills a broker if one of its logs
 * is offline because the disk was full or failed; the broker then starts again.
 */
export function lookAfter(cluster: SimCluster, atlas: Atlas): void {
  for (const node of cluster.controllers) {
    if (!node.disk.quorumStore.isDamaged) continue;
    node.kill('process');
    node.disk.quorumStore.wipe();
    cluster.world.tell('world', 'quorum-store-replaced', { node: node.name });
  }
  for (const node of cluster.brokers) {
    if (node.disk.isDamaged && atlas.mayLoseDisk(node)) {
      atlas.noteHarm(node, { disk: true });
      node.kill('power');
      node.disk.wipe();
      cluster.world.tell('world', 'disk-replaced', { node: node.name });
    } else if (node.isReady && hasOfflineLog(node)) node.kill('process');
  }
}

/**
 * Describes the first partition whose leader cannot serve because the leader's disk failed, although the ISR
 * or ELR has another, intact member. Undefined: there is no such partition.
 */
export function notHandedOver(cluster: SimCluster, atlas: Atlas): string | undefined {
  const image = cluster.image();
  const canServe = (id: NodeId, { topicId, partition }: PartitionPlace) => {
    const replica = cluster.replica(cluster.node(id)!, topicId, partition);
    return replica !== undefined && !replica.isOffline;
  };
  for (const place of cluster.partitions(image)) {
    const { topic, partition, image: state } = place;
    const leader = cluster.node(state.leader);
    if (leader === undefined || !leader.isReady || canServe(leader.id, place) || atlas.isBeyond(place))
      continue;
    const heir = [...state.isr, ...state.elr].find(
      (id) => id !== leader.id && image.isActive(id) && !atlas.isRecovering(id) && canServe(id, place),
    );
    if (heir !== undefined)
      return `${leader.name} leads ${topic}-${partition} on a failed disk, and broker ${heir} does not`;
  }
  return undefined;
}

function hasOfflineLog(node: SimNode): boolean {
  const replicas = node.roles?.broker?.replicas;
  return replicas?.partitions().some(({ isOffline, log }) => isOffline || log.offline !== undefined) === true;
}

/**
 * Describes the first thing that is not in order: there is no active controller, a node is down, fenced,
 * damaged or short of space, or a partition is not in sync yet. Undefined: everything is in order. Clients
 * may write meanwhile.
 */
export function unrest(cluster: SimCluster): string | undefined {
  const active = cluster.activeController();
  if (active?.roles?.controller?.controller.isActive !== true) return 'there is no active controller';
  const image = cluster.image();
  for (const node of cluster.nodes) {
    if (!node.isUp) return `${node.name} is down`;
    if (node.isBroker && !image.isActive(node.id)) return `${node.name} is fenced`;
    if (node.disk.isDamaged) return `the disk of ${node.name} is damaged`;
    const shortage = node.roles?.broker?.replicas.shortage;
    if (shortage !== undefined) return `${node.name} writes no records: ${shortage}`;
  }
  for (const place of cluster.partitions(image)) {
    const { topicId, topic, partition, image: state } = place;
    const name = `${topic}-${partition}`;
    const leader = cluster.node(state.leader);
    if (leader === undefined) return `${name} has no leader`;
    if (state.isr.length < state.replicas.length) return `the ISR of ${name} is ${state.isr.join()}`;
    if (cluster.replica(leader, topicId, partition)?.leadership === undefined)
      return `${leader.name} does not lead ${name} yet`;
    for (const id of state.replicas)
      if (cluster.replica(cluster.node(id)!, topicId, partition) === undefined)
        return `broker ${id} does not hold ${name}`;
  }
  return undefined;
}

/**
 * Like `unrest`, with more conditions that hold only after the producers have stopped: every replica has all
 * records, its high watermark is the leader's log end offset, and its log begins no lower than the leader's
 * log.
 */
export function unrestAtRest(cluster: SimCluster): string | undefined {
  const missing = unrest(cluster);
  if (missing !== undefined) return missing;
  for (const { topicId, topic, partition, image } of cluster.partitions()) {
    const { startOffset, endOffset: end } = cluster.replica(
      cluster.node(image.leader)!,
      topicId,
      partition,
    )!.log;
    for (const id of image.replicas) {
      const { log, highWatermark } = cluster.replica(cluster.node(id)!, topicId, partition)!;
      if (log.endOffset !== end)
        return `broker ${id} has ${topic}-${partition} up to ${log.endOffset} of ${end}`;
      if (log.startOffset < startOffset)
        return `broker ${id} begins ${topic}-${partition} at ${log.startOffset}, and its leader at ${startOffset}`;
      if (highWatermark !== end)
        return `broker ${id} knows ${topic}-${partition} up to ${highWatermark} of ${end}`;
    }
  }
  return undefined;
}
