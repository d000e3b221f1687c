/** The end of the faults: everything is made whole, and within a stated time the cluster has to be as if nothing had been. */
import type { SimCluster, SimNode } from '../cluster/index.ts';
import type { Atlas } from '../faults/index.ts';
import type { Supervisor } from './supervisor.ts';

/** Links heal, the frozen go on, disks have room, clocks are left wrong; whatever is down is started. */
export function makePeace(cluster: SimCluster, supervisor: Supervisor): void {
  cluster.network.healAll();
  for (const node of cluster.nodes) {
    node.disk.setFull(false);
    node.disk.setSlow(undefined);
    node.life?.resume();
  }
  supervisor.startAll(cluster);
}

/**
 * An operator who looks after what does not heal by itself: a broker whose log went offline (its disk had been full, or a
 * sector cannot be read) is restarted, and gets another disk if it was harmed.
 */
export function lookAfter(cluster: SimCluster, atlas: Atlas): void {
  for (const node of cluster.brokers) {
    if (!node.isReady || !hasOfflineLog(node)) continue;
    const replace = node.disk.harmed && atlas.mayLoseDisk(node);
    if (replace) atlas.noteHarm(node, { disk: true });
    node.kill(replace ? 'power' : 'process');
    if (replace) node.disk.wipe();
  }
}

function hasOfflineLog(node: SimNode): boolean {
  const replicas = node.roles?.broker?.replicas;
  return replicas?.partitions().some(({ log }) => log.offline !== undefined) === true;
}

/** What is still missing to peace, in words; undefined: nothing. */
export function unrest(cluster: SimCluster): string | undefined {
  const active = cluster.activeController();
  if (active?.roles?.controller?.controller.isActive !== true) return 'there is no active controller';
  const image = cluster.image();
  for (const node of cluster.nodes) {
    if (!node.isUp) return `${node.name} is down`;
    if (node.isBroker && !image.isActive(node.id)) return `${node.name} is fenced`;
  }
  for (const { topicId, topic, partition, image: state } of cluster.partitions(image)) {
    const name = `${topic}-${partition}`;
    const leaderNode = cluster.node(state.leader);
    if (leaderNode === undefined) return `${name} has no leader`;
    if (state.isr.length < state.replicas.length) return `the ISR of ${name} is ${state.isr.join()}`;
    const leader = cluster.replica(leaderNode, topicId, partition);
    if (leader?.leadership === undefined) return `${leaderNode.name} does not lead ${name} yet`;
    const end = leader.log.endOffset;
    if (leader.highWatermark < end) return `${name} is committed up to ${leader.highWatermark} of ${end}`;
    for (const id of state.replicas) {
      const replica = cluster.replica(cluster.node(id)!, topicId, partition);
      if (replica === undefined || replica.log.endOffset !== end || replica.highWatermark !== end)
        return `broker ${id} lags behind with ${name}`;
    }
  }
  return undefined;
}
