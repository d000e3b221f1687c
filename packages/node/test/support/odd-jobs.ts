/** Jobs that tests of the job workers need: one fails, one ends its worker, and so on. */
import type { JobKind } from '@millrace/base';

export const reverse: JobKind<{ readonly from: number }, number> = {
  name: 'reverse',
  run: (bytes, { from }) => ({ value: bytes.length - from, bytes: bytes.subarray(from).reverse() }),
};

export const fail: JobKind<null, never> = {
  name: 'fail',
  run: () => {
    throw new RangeError('this job always throws');
  },
};

export const die: JobKind<null, never> = { name: 'die', run: () => process.exit(7) };

/** Creates objects until the heap of the worker is full. */
export const devour: JobKind<null, number> = {
  name: 'devour',
  run: (bytes) => {
    const all: number[][] = [];
    for (;;) all.push(Array.from(bytes));
  },
};

export const wait: JobKind<{ readonly ms: number }, null> = {
  name: 'wait',
  run: (bytes, { ms }) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    return { value: null, bytes };
  },
};
