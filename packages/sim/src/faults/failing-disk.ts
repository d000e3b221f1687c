/**
 * A disk fails writes, below one partition's folder or everywhere. This happens only where the contract
 * covers the loss of the disk (atlas.ts).
 */
import type { FaultKind } from './fault.ts';
import { pick, victim } from './fault.ts';

/** Mostly picks the disk of a leader, because a leader with a failed disk must hand over. */
export const failingDisk: FaultKind = {
  name: 'failing-disk',
  sentence:
    'the disk of one machine fails all writes, to one partition or to everything; it is replaced at the end',
  strike(context, random) {
    const { atlas, cluster } = context;
    const places = cluster.partitions();
    const place = pick(random, places);
    const leader = place === undefined ? undefined : cluster.node(place.image.leader);
    const mayFail = (node: typeof leader) => node?.role === 'broker' && atlas.mayLoseDisk(node);
    const node = mayFail(leader) ? leader : victim(context, random, mayFail);
    if (node === undefined) return undefined;
    const isWhole = random.below(3) === 0;
    const code = isWhole ? 'EROFS' : ['EIO', 'EIO', 'EACCES', 'ENXIO'][random.below(4)]!;
    const folder = place === undefined ? 'none-0' : `${place.topic}-${place.partition}`;
    const below = isWhole ? '/data' : `/data/${folder}`;
    node.disk.failWrites(below, code);
    atlas.noteHarm(node, { disk: true });
    return `${node.name}, ${code} below ${below}`;
  },
};
