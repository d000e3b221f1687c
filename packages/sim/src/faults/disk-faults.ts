/**
 * Disks are slow, full, damaged or lost. The faults damage or lose a disk only if the durability contract
 * allows the loss (atlas.ts).
 */
import type { Millis } from '@millrace/base';
import type { SimNode } from '../cluster/index.ts';
import {
  endAfter,
  type FaultContext,
  type FaultKind,
  fault,
  later,
  RECOVERY_US,
  seconds,
  type VictimChoice,
  victim,
  victimOf,
} from './fault.ts';
import { DURATION_MS_MAX, duration, oneOf, whole } from './parameter.ts';

/**
 * The free bytes of a disk that is nearly full. By default the broker writes no records of clients while less
 * than 100 MiB is free (`min.free.bytes`), and none of coordinators while less than half of that is free.
 */
const LOW_BYTES = 80 << 20;
const CRITICAL_BYTES = 30 << 20;

const LOW_MS_MIN: Millis = 1_500;
/**
 * A broker looks at its free space from time to time. The fault lasts at least this much longer than the time
 * between two looks.
 */
const SEEN_MS: Millis = 1_000;

const isBroker = ({ isBroker }: SimNode) => isBroker;

/** The time between two looks of the broker at its free space; 0: no broker runs there. */
function lookMsOf({ roles }: SimNode): Millis {
  return roles?.broker?.replicas.options.config.highWatermarkCheckpointIntervalMs ?? 0;
}

export const lowDisk = fault({
  name: 'low-disk',
  sentence:
    'the disk of a broker has less free space than min.free.bytes for a while, and may be full for a part of that time',
  parameters: {
    victim: victim(),
    level: oneOf('low', 'critical', 'full'),
    lastsMs: whole(LOW_MS_MIN, DURATION_MS_MAX, (random) => LOW_MS_MIN + random.below(6_501)),
  },
  strike(context, { victim, level, lastsMs: drawnMs }) {
    const node = victimOf(context, victim, isBroker)!;
    const { disk } = node;
    const lastsMs = Math.max(drawnMs, lookMsOf(node) + SEEN_MS);
    disk.setFreeBytes(level === 'critical' ? CRITICAL_BYTES : LOW_BYTES);
    const lastsUs = endAfter(context, lastsMs, () => disk.setFreeBytes(undefined));
    if (level === 'full') {
      later(context, Math.floor(lastsUs / 3), () => disk.setFull(true));
      endAfter(context, Math.floor((2 * lastsMs) / 3), () => disk.setFull(false));
    }
    return { says: `${node.name}, ${level}, for ${seconds(lastsUs)}`, touches: [node], lastsUs };
  },
});

/** A broker that is not a controller, and whose disk the fault may damage. */
function damageable(context: FaultContext, choice: VictimChoice): SimNode | undefined {
  return victimOf(context, choice, (one) => one.role === 'broker' && context.atlas.mayLoseDisk(one));
}

export const diskFaults: readonly FaultKind[] = [
  fault({
    name: 'slow-disk',
    sentence: 'syncs take long on one machine',
    parameters: { victim: victim(), syncMs: oneOf(20, 200, 1_500), lastsMs: duration() },
    strike(context, { victim, syncMs, lastsMs }) {
      const node = victimOf(context, victim)!;
      node.disk.setSlow(syncMs);
      const lastsUs = endAfter(context, lastsMs, () => node.disk.setSlow(undefined));
      return { says: `${node.name}, up to ${syncMs} ms, for ${seconds(lastsUs)}`, touches: [node], lastsUs };
    },
  }),
  fault({
    name: 'full-disk',
    sentence: 'the disk of one machine is full for a while',
    parameters: { victim: victim(), lastsMs: duration(4_000) },
    strike(context, { victim, lastsMs }) {
      const node = victimOf(context, victim)!;
      node.disk.setFull(true);
      const lastsUs = endAfter(context, lastsMs, () => node.disk.setFull(false));
      return { says: `${node.name} for ${seconds(lastsUs)}`, touches: [node], lastsUs };
    },
  }),
  fault({
    name: 'lost-disk',
    sentence: 'a machine comes back with another, empty disk',
    parameters: { victim: victim() },
    strike(context, { victim }) {
      const { atlas } = context;
      const node = victimOf(context, victim, (one) => atlas.mayLoseDisk(one));
      if (node === undefined) return undefined;
      atlas.noteHarm(node, { disk: true });
      node.kill('power');
      node.disk.wipe();
      return { says: node.name, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'latent-sector-error',
    sentence: 'a sector of a log becomes unreadable; the disk is replaced after the incident',
    parameters: { victim: victim() },
    strike(context, { victim }) {
      const node = damageable(context, victim);
      const where = node?.disk.failSector(context.random);
      if (node === undefined || where === undefined) return undefined;
      context.atlas.noteHarm(node, { disk: true });
      return { says: `${node.name}, ${where}`, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'misdirected-write',
    sentence: 'the disk puts a write to a log in a wrong place',
    parameters: { victim: victim() },
    strike(context, { victim }) {
      const node = damageable(context, victim);
      if (node === undefined) return undefined;
      node.disk.misdirectNextWrite(() => context.atlas.mayLoseDisk(node));
      return { says: node.name, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
];
