/**
 * Syncs fail or block, reads fail, synchronous calls take time, and a power loss keeps some files and loses
 * others. A failed sync may lose pages, so a sync fails only if the durability contract allows the loss of
 * the disk (atlas.ts). A failed read loses nothing.
 */
import type { SimNode } from '../cluster/index.ts';
import {
  endOf,
  type FaultContext,
  type FaultKind,
  fault,
  lasting,
  RECOVERY_US,
  seconds,
  victim,
  victimOf,
} from './fault.ts';
import { chance, choice, chosen, duration, oneOf } from './parameter.ts';

/** The folder of one of the partitions that the node hosts; `/data` if it hosts none. */
function folderOf({ cluster }: FaultContext, node: SimNode, pick: number): string {
  const hosted = cluster.partitions().filter(({ image }) => image.replicas.includes(node.id));
  const place = chosen(hosted, pick);
  return place === undefined ? '/data' : `/data/${place.topic}-${place.partition}`;
}

export const failingSync = fault({
  name: 'failing-sync',
  sentence:
    'one sync fails, or all syncs until the disk is replaced; the system may drop the bytes that it could not write',
  parameters: {
    victim: victim(),
    place: choice(),
    isWhole: chance(4),
    isLasting: chance(3),
    pages: oneOf('dirty', 'clean', 'dropped'),
  },
  strike(context, { isWhole, isLasting, pages, ...choices }) {
    const { atlas } = context;
    const mayFail = (one: SimNode) => one.role === 'broker' && atlas.mayLoseDisk(one);
    const node = victimOf(context, choices.victim, mayFail);
    if (node === undefined) return undefined;
    const { disk, name } = node;
    let isHarmed = false;
    const harm = () => {
      if (isHarmed || !atlas.mayLoseDisk(node)) return isHarmed;
      isHarmed = true;
      atlas.noteHarm(node, { disk: true });
      if (isLasting) disk.isDamaged = true;
      return true;
    };
    const below = isWhole ? '/data' : folderOf(context, node, choices.place);
    disk.syncs.fail({ below, code: 'EIO', isLasting, pages, mayFail: harm });
    const says = `${name}, ${isLasting ? 'all syncs' : 'one sync'} below ${below}, pages ${pages}`;
    return { says, touches: [node], lastsUs: RECOVERY_US };
  },
});

export const blockedSync = fault({
  name: 'blocked-sync',
  sentence: 'syncs of one partition, of the quorum or of everything on a machine do not complete for a while',
  parameters: {
    victim: victim(),
    place: choice(),
    what: oneOf('partition', 'quorum', 'everything'),
    lastsMs: duration(12_000),
  },
  strike(context, { what, place, lastsMs, ...choices }) {
    const node = victimOf(context, choices.victim, (one) => (what === 'quorum' ? one.isController : true))!;
    const folders = {
      partition: () => folderOf(context, node, place),
      quorum: () => '/data/metadata-quorum',
      everything: () => '/data',
    };
    const below = folders[what]();
    node.disk.syncs.block(below, endOf(context, lastsMs));
    const lastsUs = lasting(context, lastsMs);
    return { says: `${node.name}, below ${below}, for ${seconds(lastsUs)}`, touches: [node], lastsUs };
  },
});

export const blockedIo = fault({
  name: 'blocked-io',
  sentence: 'reads or writes on one machine block its process in the middle of a turn, now and then',
  parameters: {
    victim: victim(),
    calls: oneOf('read', 'write', 'both'),
    oneIn: oneOf(200, 20, 3),
    maxMs: oneOf(20, 300, 3_000),
    lastsMs: duration(),
  },
  strike(context, { calls, oneIn, maxMs, lastsMs, ...choices }) {
    const node = victimOf(context, choices.victim)!;
    const which = calls === 'both' ? (['read', 'write'] as const) : [calls];
    node.disk.slowCalls.set({ calls: which, oneIn, maxMs, untilUs: endOf(context, lastsMs) });
    const lastsUs = lasting(context, lastsMs);
    const often = `one in ${oneIn}, up to ${maxMs} ms, for ${seconds(lastsUs)}`;
    return { says: `${node.name}, ${which.join(' and ')}, ${often}`, touches: [node], lastsUs };
  },
});

export const failingRead = fault({
  name: 'failing-read',
  sentence: 'a broker has too many open files for a while, so it cannot open or read some of its files',
  parameters: {
    victim: victim(),
    files: oneOf('index', 'timeindex', 'log', 'all'),
    oneIn: oneOf(20, 3, 1),
    lastsMs: duration(),
  },
  strike(context, { files, oneIn, lastsMs, ...choices }) {
    const node = victimOf(context, choices.victim, (one) => one.isBroker)!;
    node.disk.failingReads.set({ files, oneIn, untilUs: endOf(context, lastsMs) });
    const lastsUs = lasting(context, lastsMs);
    const often = `one call in ${oneIn}, for ${seconds(lastsUs)}`;
    return { says: `${node.name}, files: ${files}, ${often}`, touches: [node], lastsUs };
  },
});

/** What a power loss leaves, by the value of the parameter `left`. */
const LEFT = {
  'torn-log': { names: 'kept', logs: 'torn', otherFiles: 'kept' },
  'lost-log': { names: 'kept', logs: 'lost', otherFiles: 'kept' },
  'names-only': { names: 'kept', logs: 'lost', otherFiles: 'lost' },
  'contents-only': { names: 'undone', logs: 'kept', otherFiles: 'kept' },
} as const;

export const tornBelowIndex = fault({
  name: 'torn-below-index',
  sentence:
    'a machine loses power, with one of three effects: an index goes beyond the end of a torn log, a file is empty, or a new file has lost its name although its contents were written',
  parameters: { victim: victim(), left: oneOf('torn-log', 'lost-log', 'names-only', 'contents-only') },
  strike(context, { left, ...choices }) {
    const { atlas } = context;
    const mayLose = (one: SimNode) => one.isUp && one.isBroker && atlas.mayLosePower(one);
    const node = victimOf(context, choices.victim, mayLose);
    if (node === undefined) return undefined;
    atlas.noteHarm(node, { disk: false });
    node.kill('power', LEFT[left]);
    return { says: `${node.name}, ${left}`, touches: [node], lastsUs: RECOVERY_US };
  },
});

export const ioFaults: readonly FaultKind[] = [
  failingSync,
  blockedSync,
  blockedIo,
  tornBelowIndex,
  failingRead,
];
