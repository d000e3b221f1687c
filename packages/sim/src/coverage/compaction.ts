/** The events of compaction, and of changes to the cleanup of a topic, that seeds must reach. */
import type { CoverageItem } from './item.ts';

export const compaction: readonly CoverageItem[] = [
  {
    name: 'cleaned',
    sentence: 'a broker compacts a log of a topic of clients',
    keys: ['cleaning of a log of clients'],
  },
  {
    name: 'tombstone-dropped',
    sentence: 'a log no longer has the tombstone of a deleted key',
    keys: ['tombstone dropped in time'],
  },
  {
    name: 'policy-left',
    sentence: 'a log of a topic that is no longer compacted has gaps from earlier cleanings',
    keys: ['gaps in a log of another policy'],
  },
  {
    name: 'judged',
    sentence: 'a compacted log is judged',
    keys: ['compacted log judged'],
  },
  {
    name: 'read-judged',
    sentence: 'a consumer has read a log with keys from its beginning to the high watermark',
    keys: ['read of a log with keys judged'],
  },
];
