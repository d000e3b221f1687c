import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RaftLog } from '../src/log.ts';
import { data } from './support/transcript.ts';

/** A simple model of the log: one epoch per record, the batch borders, and where the log begins. */
class Twin {
  epochs: number[] = [];
  borders: number[] = [0];
  start = 0;
  append(epoch: number, records: number) {
    for (let index = 0; index < records; index++) this.epochs.push(epoch);
    this.borders.push(this.epochs.length);
  }
  truncateTo(offset: number) {
    this.epochs.length = offset;
    this.borders = this.borders.filter((border) => border <= offset);
  }
  trimTo(offset: number) {
    this.start = offset;
    this.borders = this.borders.filter((border) => border >= offset);
  }
  endOf(epoch: number) {
    const last = this.epochs.findLastIndex((found) => found <= epoch);
    if (last + 1 < this.start) return undefined;
    return last === -1 ? { epoch: 0, endOffset: 0 } : { epoch: this.epochs[last]!, endOffset: last + 1 };
  }
}

const actions = fc.array(
  fc.oneof(
    fc.record({
      type: fc.constant('append' as const),
      epochStep: fc.nat(2),
      records: fc.integer({ min: 1, max: 4 }),
    }),
    fc.record({ type: fc.constant('truncate' as const), which: fc.nat(20) }),
    fc.record({ type: fc.constant('trim' as const), which: fc.nat(20) }),
    fc.record({ type: fc.constant('install' as const), epochStep: fc.nat(2), records: fc.nat(4) }),
  ),
  { maxLength: 30 },
);

test('ends, epochs, prefixes and reads match the model', () => {
  fc.assert(
    fc.property(actions, (list) => {
      const log = new RaftLog();
      const twin = new Twin();
      for (const action of list) {
        if (action.type === 'append') {
          const epoch = Math.max(1, (twin.epochs.at(-1) ?? 0) + action.epochStep);
          log.append(data(log.endOffset, epoch, ...Array(action.records).fill('r')));
          twin.append(epoch, action.records);
        } else if (action.type === 'install') {
          // A snapshot of a longer log, whose new records all have one epoch.
          const epoch = Math.max(1, (twin.epochs.at(-1) ?? 0) + action.epochStep);
          twin.append(epoch, action.records + 1);
          twin.trimTo(twin.epochs.length);
          log.startAt({ endOffset: twin.start, epoch });
        } else {
          const offset = twin.borders[action.which % twin.borders.length]!;
          if (action.type === 'truncate') {
            log.truncateTo(offset);
            twin.truncateTo(offset);
          } else {
            log.trimTo({ endOffset: offset, epoch: twin.epochs[offset - 1] ?? 0 });
            twin.trimTo(offset);
          }
        }
      }
      expect(log.endOffset).toBe(twin.epochs.length);
      expect(log.startOffset).toBe(twin.start);
      expect(log.lastEpoch).toBe(twin.epochs.at(-1) ?? 0);
      for (let epoch = 0; epoch < 60; epoch += 3) expect(log.endOf(epoch)).toEqual(twin.endOf(epoch));
      for (let offset = 0; offset <= twin.epochs.length + 1; offset++) {
        const epoch = twin.epochs[offset - 1] ?? 0;
        const isBorder = twin.borders.includes(offset);
        expect(log.isPrefix(offset, epoch)).toBe(isBorder);
        if (offset > 0) expect(log.isPrefix(offset, epoch + 1)).toBe(false);
        if (!isBorder) continue;
        expect(log.epochBefore(offset)).toBe(epoch);
        const read = log.read(offset, log.endOffset, Number.POSITIVE_INFINITY);
        const records = read.flatMap((batch) => batch.records.map(() => batch.epoch));
        expect(records).toEqual(twin.epochs.slice(offset));
      }
    }),
  );
});

test('a read returns whole batches: at least one, then up to the limit', () => {
  const log = new RaftLog();
  for (let index = 0; index < 5; index++) log.append(data(log.endOffset, 1, 'x'.repeat(100)));
  expect(log.read(0, 5, 1)).toHaveLength(1);
  expect(log.read(0, 5, 300)).toHaveLength(2);
  expect(log.read(1, 3, 10_000).map((batch) => batch.baseOffset)).toEqual([1, 2]);
  expect(log.read(5, 5, 100)).toEqual([]);
});
