/**
 * The operations around an anomaly, for its reader. A checker names values, offsets and clients in its
 * sentence. The operations with these values or offsets come first, then their neighbours.
 */
import type { Op } from '@millrace/checkers';

const OPS_MAX = 16;
/** How many operations that the sentence means get neighbours. */
const HITS_MAX = 6;
const NEIGHBOURS = 2;
/** A poll shows its records near the meant one only. */
const RECORDS_AROUND = 3;

/** In the order of the history. A long poll has only some of its records. */
export function opsAround(ops: readonly Op[], sentence: string): Op[] {
  const named = namesIn(sentence);
  const hits: number[] = [];
  ops.forEach((op, index) => {
    if (indexesIn(op, named).length > 0) hits.push(index);
  });
  const meant = hits.length > 0 ? ends(hits) : ends(ofClients(ops, named.words));
  const chosen = new Set<number>(meant);
  for (let distance = 1; distance <= NEIGHBOURS; distance++)
    for (const index of meant)
      for (const near of [index - distance, index + distance])
        if (near >= 0 && near < ops.length && !isEmptySend(ops[near]!) && chosen.size < OPS_MAX)
          chosen.add(near);
  return [...chosen].sort((a, b) => a - b).map((index) => shortened(ops[index]!, named));
}

interface Named {
  /** Values such as `w1-17`, clients and everything else. */
  readonly words: ReadonlySet<string>;
  readonly numbers: ReadonlySet<number>;
}

function namesIn(sentence: string): Named {
  const words = sentence.split(/[\s,;()]+/).filter((word) => word !== '');
  return { words: new Set(words), numbers: new Set(words.filter((word) => /^\d+$/.test(word)).map(Number)) };
}

/** The indexes of the meant values or records. [0] for another operation that is meant; [] for none. */
function indexesIn(op: Op, { words, numbers }: Named): number[] {
  if (op.type === 'send') return indexes(op.values, (value) => words.has(value));
  if (op.type === 'poll') {
    const isNamed = words.has(op.client);
    return indexes(op.records, ({ value, offset }) => words.has(value) || (isNamed && numbers.has(offset)));
  }
  if (!words.has(op.client)) return [];
  if (op.type === 'group-read') return numbers.has(op.fetchOffset) || numbers.has(op.nextOffset) ? [0] : [];
  return 'offset' in op && numbers.has(op.offset) ? [0] : [];
}

function indexes<T>(list: readonly T[], isMeant: (one: T) => boolean): number[] {
  return list.flatMap((one, index) => (isMeant(one) ? [index] : []));
}

function ofClients(ops: readonly Op[], words: ReadonlySet<string>): number[] {
  return ops.flatMap((op, index) => (words.has(op.client) && !isEmptySend(op) ? [index] : []));
}

/** The first and the last ones of many. */
function ends(list: readonly number[]): number[] {
  if (list.length <= HITS_MAX) return [...list];
  return [...list.slice(0, HITS_MAX / 2), ...list.slice(-HITS_MAX / 2)];
}

function isEmptySend(op: Op): boolean {
  return op.type === 'send' && op.values.length === 0;
}

function shortened(op: Op, named: Named): Op {
  if (op.type !== 'poll' || op.records.length <= 2 * RECORDS_AROUND + 1) return op;
  const middle = indexesIn(op, named)[0] ?? 0;
  const from = Math.max(0, middle - RECORDS_AROUND);
  return { ...op, records: op.records.slice(from, middle + RECORDS_AROUND + 1) };
}
