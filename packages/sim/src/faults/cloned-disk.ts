/**
 * An operator starts a second process with the id of a running broker, on a copy of the broker's disk or on
 * an empty disk. Unlike in duplicate-id.ts, this process is a whole broker.
 */
import type { SimNode } from '../cluster/index.ts';
import { MILLISECOND } from '../world/index.ts';
import {
  endAfter,
  endOf,
  type FaultContext,
  fault,
  RECOVERY_US,
  seconds,
  victim,
  victimOf,
} from './fault.ts';
import { between, cutFor, everybody } from './links.ts';
import { oneOf, whole } from './parameter.ts';

/**
 * If the fault cuts off or freezes the first process, the process is cut off or frozen for this share of the
 * fault's duration. After that both processes work.
 */
const APART = 2 / 3;

/**
 * The second process runs on another machine, with the settings of the victim. The victim is never a
 * controller: a voter with a cloned disk could vote twice. When the time is over, the second process dies for
 * good, and the fault kills the first process, which then starts again. Data that is only on the second disk
 * is lost then. So the atlas counts the broker as harmed until the restarted process serves.
 */
export const clonedDisk = fault({
  name: 'cloned-disk',
  sentence:
    'a second process with the id of a running broker serves from a copy of the disk of this broker, or from an empty disk; meanwhile the first process runs, is cut off or is frozen',
  parameters: {
    victim: victim(),
    disk: oneOf('copy', 'copy', 'empty'),
    original: oneOf('runs', 'cut-off', 'frozen'),
    lastsMs: whole(1, 600_000, (random) => 1_000 + random.below(11_000)),
  },
  strike(context, { victim, disk, original, lastsMs }) {
    const { world, cluster, atlas } = context;
    const node = victimOf(context, victim, (one) => isClonable(context, one));
    if (node === undefined) return undefined;
    atlas.noteHarm(node, { disk: true }, endOf(context, lastsMs));
    const standIn = cluster.addStandIn(node, `s${node.id}-${Math.floor(world.nowUs / MILLISECOND)}`);
    if (disk === 'copy') standIn.disk.tree = node.disk.tree.copy();
    standIn.start();
    setApart(context, node, original, Math.ceil(lastsMs * APART));
    const lastsUs = endAfter(context, lastsMs, () => {
      if (standIn.isReady) world.count('cloned-disk served');
      cluster.removeStandIn(standIn);
      node.kill('process');
    });
    const says = `${node.name} ${original}, and ${standIn.name} has its id (${disk} disk), for ${seconds(lastsUs)}`;
    return { says, touches: [node], lastsUs: lastsUs + RECOVERY_US };
  },
});

function isClonable({ cluster, atlas }: FaultContext, node: SimNode): boolean {
  const { role, isReady, isStopping, disk } = node;
  if (role !== 'broker' || !isReady || isStopping || disk.isDamaged) return false;
  // The victim may be a stand-in, because a stand-in may lead a partition. No id gets a third process.
  return cluster.standIns.every(({ id }) => id !== node.id) && atlas.mayLoseDisk(node);
}

function setApart(
  context: FaultContext,
  node: SimNode,
  original: 'runs' | 'cut-off' | 'frozen',
  lastsMs: number,
): void {
  if (original === 'cut-off') cutFor(context, lastsMs, between([node.name], everybody(context)));
  if (original !== 'frozen') return;
  const life = node.life!;
  life.pause();
  endAfter(context, lastsMs, () => life.resume());
}
