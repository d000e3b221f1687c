/**
 * All writes to a disk fail, or all writes to the folder of one partition. The fault strikes only if the
 * durability contract allows the loss of the disk (atlas.ts).
 */
import type { SimNode } from '../cluster/index.ts';
import { fault, RECOVERY_US, victim, victimOf } from './fault.ts';
import { choice, chosen, oneOf } from './parameter.ts';

/**
 * Picks the disk of a leader if the contract allows its loss: a leader with a failed disk must hand over its
 * leadership, and the run checks this (run/peace.ts).
 */
export const failingDisk = fault({
  name: 'failing-disk',
  sentence:
    'the disk of one machine fails all writes, to one partition or to everything; the disk is replaced after the incident',
  parameters: {
    place: choice(),
    victim: victim(),
    // With EROFS all writes fail. With the other codes the writes to one partition fail.
    code: oneOf('EIO', 'EIO', 'EACCES', 'ENXIO', 'EROFS', 'EROFS'),
  },
  strike(context, { code, ...choices }) {
    const { atlas, cluster } = context;
    const place = chosen(cluster.partitions(), choices.place);
    const leader = place === undefined ? undefined : cluster.node(place.image.leader);
    const mayFail = (node: SimNode | undefined) => node?.role === 'broker' && atlas.mayLoseDisk(node);
    const node = mayFail(leader) ? leader : victimOf(context, choices.victim, mayFail);
    if (node === undefined) return undefined;
    const folder = place === undefined ? 'none-0' : `${place.topic}-${place.partition}`;
    const below = code === 'EROFS' ? '/data' : `/data/${folder}`;
    node.disk.failWrites(below, code);
    atlas.noteHarm(node, { disk: true });
    return { says: `${node.name}, ${code} below ${below}`, touches: [node], lastsUs: RECOVERY_US };
  },
});
