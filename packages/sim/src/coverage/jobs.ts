/** What work beside the loop can meet. */
import type { CoverageItem } from './item.ts';

export const jobs: readonly CoverageItem[] = [
  { name: 'job-admit', sentence: 'a batch is checked beside the loop', keys: ['job of kind admit-batch'] },
  { name: 'job-lookup', sentence: 'a batch is opened beside the loop', keys: ['job of kind find-in-batch'] },
  { name: 'job-finished', sentence: 'a job ends, and its owner hears of it', keys: ['job finished'] },
  {
    name: 'job-cancelled',
    sentence: 'a connection ends while a job of it runs',
    keys: ['job cancelled while it ran'],
  },
  {
    name: 'job-killed',
    sentence: 'a process is killed, or loses power, while a job runs',
    keys: ['job died: process', 'job died: power'],
  },
  {
    name: 'job-leader-lost',
    sentence: 'a broker loses a leadership, and not its connections, while a batch for it is checked',
    keys: ['log leader-lost-while-checking'],
  },
];
