/** The events of jobs that seeds must reach. */
import type { CoverageItem } from './item.ts';

export const jobs: readonly CoverageItem[] = [
  { name: 'job-admit', sentence: 'a job checks a batch', keys: ['job of kind admit-batch'] },
  { name: 'job-lookup', sentence: 'a job looks up a time in a batch', keys: ['job of kind find-in-batch'] },
  {
    name: 'job-recovery',
    sentence: 'a broker starts, and a job checks the batches of one of its logs',
    keys: ['job of kind check-batches'],
  },
  { name: 'job-finished', sentence: 'a job ends, and its owner gets the outcome', keys: ['job finished'] },
  {
    name: 'job-cancelled',
    sentence: 'a connection ends while its job runs',
    keys: ['job cancelled while it ran'],
  },
  {
    name: 'job-killed',
    sentence: 'a process is killed, or loses power, while a job runs',
    keys: ['job died: process', 'job died: power'],
  },
  {
    name: 'job-leader-lost',
    sentence: 'a broker loses a leadership, but not its connections, while a job checks a batch for it',
    keys: ['log leader-lost-while-checking'],
  },
];
