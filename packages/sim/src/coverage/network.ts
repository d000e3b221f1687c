/** The events of single connections and calls that seeds must reach. */
import type { CoverageItem } from './item.ts';

export const network: readonly CoverageItem[] = [
  {
    name: 'late-request',
    sentence: 'a server gets requests of a connection that has broken at its caller',
    keys: ['late bytes of a broken connection arrived'],
  },
  {
    name: 'call-lost',
    sentence: 'a call is cancelled and never reaches its receiver',
    keys: ['call cancelled before handling'],
  },
  {
    name: 'call-abandoned',
    sentence: 'a call is handled, but its caller gets an error after some time and no answer',
    keys: ['call cancelled during handling'],
  },
  {
    name: 'answer-lost',
    sentence: 'a call is handled, and its caller gets an error in place of the answer',
    keys: ['call cancelled after handling'],
  },
];
