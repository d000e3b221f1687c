/** The events of disks that seeds must reach. */
import type { CoverageItem } from './item.ts';

export const disks: readonly CoverageItem[] = [
  {
    name: 'sync-failed',
    sentence: 'a sync of a file or of a folder fails',
    keys: ['disk sync failed'],
  },
  {
    name: 'sync-blocked',
    sentence: 'a sync does not complete for a while',
    keys: ['disk sync blocked'],
  },
  {
    name: 'read-blocked',
    sentence: 'a read blocks a process in its turn',
    keys: ['disk read blocked'],
  },
  {
    name: 'write-blocked',
    sentence: 'a write blocks a process in its turn',
    keys: ['disk write blocked'],
  },
  {
    name: 'read-refused',
    sentence: 'a process cannot open or read a file, because it has too many open files',
    keys: ['disk read refused'],
  },
  {
    name: 'file-evicted',
    sentence: 'a broker closes a file of a log to open another one, because it may keep few files open',
    keys: ['file of a log evicted'],
  },
  {
    name: 'store-failed',
    sentence: 'a write of a quorum store fails',
    keys: ['quorum store write failed'],
  },
  {
    name: 'store-damaged',
    sentence: 'a controller finds its quorum store damaged at its start',
    keys: ['quorum store found damaged'],
  },
  {
    name: 'unsynced-lost',
    sentence: 'a power loss loses unsynced data',
    keys: ['disk unsynced data lost'],
  },
  {
    name: 'space-low',
    sentence: 'a broker writes no records of clients, because its disk is nearly full',
    keys: ['log disk-space-low'],
  },
  {
    name: 'space-critical',
    sentence: 'a broker writes no records of coordinators either, because its disk is nearly full',
    keys: ['log disk-space-critical'],
  },
  {
    name: 'space-recovered',
    sentence: 'a broker writes records again, because its disk has room again',
    keys: ['log disk-space-recovered'],
  },
  {
    name: 'clone-served',
    sentence: 'a process serves from a copy of the disk of a broker, or from an empty disk, under its id',
    keys: ['cloned-disk served'],
  },
];
