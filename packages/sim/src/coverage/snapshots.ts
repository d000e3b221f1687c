/** The events of metadata snapshots that seeds must reach. */
import type { CoverageItem } from './item.ts';

export const snapshots: readonly CoverageItem[] = [
  {
    name: 'written',
    sentence: 'a controller writes a snapshot',
    keys: ['log snapshot-written'],
  },
  {
    name: 'trimmed',
    sentence: 'a controller deletes the metadata log before its snapshots',
    keys: ['log quorum-log-trimmed'],
  },
  {
    name: 'controller-loads',
    sentence: 'a controller whose log is too far behind loads the snapshot of the leader',
    keys: ['log snapshot-loaded'],
  },
  {
    name: 'broker-loads',
    sentence: 'a broker loads the snapshot of the leader',
    keys: ['log metadata-snapshot-loaded'],
  },
  {
    name: 'damaged',
    sentence: 'a controller finds its newest snapshot damaged, and starts from the one before',
    keys: ['log snapshot-damaged'],
  },
];
