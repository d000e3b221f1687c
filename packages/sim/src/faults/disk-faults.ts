/**
 * Disks are slow, full, damaged or lost. The faults damage or lose a disk only where the contract covers it
 * (atlas.ts).
 */
import { duration, type FaultKind, seconds, victim } from './fault.ts';

export const diskFaults: readonly FaultKind[] = [
  {
    name: 'slow-disk',
    sentence: 'syncs take long on one machine',
    strike(context, random) {
      const node = victim(context, random)!;
      const syncMs = [20, 200, 1_500][random.below(3)]!;
      node.disk.setSlow(syncMs);
      const lasts = duration(random);
      context.world.after(lasts, () => node.disk.setSlow(undefined));
      return `${node.name}, up to ${syncMs} ms, for ${seconds(lasts)}`;
    },
  },
  {
    name: 'full-disk',
    sentence: 'the disk of one machine is full for a while',
    strike(context, random) {
      const node = victim(context, random)!;
      node.disk.setFull(true);
      const lasts = duration(random, 4_000);
      context.world.after(lasts, () => node.disk.setFull(false));
      return `${node.name} for ${seconds(lasts)}`;
    },
  },
  {
    name: 'lost-disk',
    sentence: 'a machine comes back with another, empty disk',
    strike(context, random) {
      const { atlas } = context;
      const node = victim(context, random, (one) => atlas.mayLoseDisk(one));
      if (node === undefined) return undefined;
      atlas.noteHarm(node, { disk: true });
      node.kill('power');
      node.disk.wipe();
      return node.name;
    },
  },
  {
    name: 'latent-sector-error',
    sentence: 'a synced sector becomes unreadable; the disk is replaced when a broker notices it',
    strike(context, random) {
      const { atlas } = context;
      const node = victim(context, random, (one) => one.role === 'broker' && atlas.mayLoseDisk(one));
      if (node === undefined) return undefined;
      const where = node.disk.failSector(random);
      if (where === undefined) return undefined;
      atlas.noteHarm(node, { disk: true });
      return `${node.name}, ${where}`;
    },
  },
  {
    name: 'misdirected-write',
    sentence: 'a write to a log lands somewhere else',
    strike(context, random) {
      const { atlas } = context;
      const node = victim(context, random, (one) => one.role === 'broker' && atlas.mayLoseDisk(one));
      if (node === undefined) return undefined;
      node.disk.misdirectNextWrite(() => atlas.mayLoseDisk(node));
      return node.name;
    },
  },
];
