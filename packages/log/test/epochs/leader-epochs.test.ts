/** Leader epochs: where each one begins and ends. Random changes are compared with a simple list. */
import { MemoryDisk } from '@millrace/base/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LeaderEpochs } from '../../src/epochs/leader-epochs.ts';

const PATH = '/data/topic-0/leader-epoch-checkpoint';

function epochs(disk: MemoryDisk, ...entries: [number, number][]): LeaderEpochs {
  disk.makeDirectory('/data/topic-0');
  const list = new LeaderEpochs(disk, PATH);
  for (const [epoch, startOffset] of entries) list.note(epoch, startOffset);
  if (list.dirty) list.write();
  return list;
}

test('end offsets: the rules of OffsetForLeaderEpoch', () => {
  const list = epochs(new MemoryDisk(), [2, 10], [4, 20], [7, 35]);
  expect(list.endOffsetFor(-1, 50)).toEqual({ epoch: -1, endOffset: -1 });
  expect(list.endOffsetFor(7, 50)).toEqual({ epoch: 7, endOffset: 50 });
  expect(list.endOffsetFor(8, 50)).toEqual({ epoch: -1, endOffset: -1 });
  expect(list.endOffsetFor(1, 50)).toEqual({ epoch: 1, endOffset: 10 });
  expect(list.endOffsetFor(2, 50)).toEqual({ epoch: 2, endOffset: 20 });
  expect(list.endOffsetFor(3, 50)).toEqual({ epoch: 2, endOffset: 20 });
  expect(list.endOffsetFor(6, 50)).toEqual({ epoch: 4, endOffset: 35 });
  expect(epochs(new MemoryDisk()).endOffsetFor(0, 0)).toEqual({ epoch: -1, endOffset: -1 });
});

test('a new entry removes entries with a higher epoch, and entries that start at its offset or later', () => {
  const list = epochs(new MemoryDisk(), [2, 10], [4, 20], [7, 35]);
  list.note(8, 20);
  expect(list.entries).toEqual([
    { epoch: 2, startOffset: 10 },
    { epoch: 8, startOffset: 20 },
  ]);
  list.note(8, 40);
  expect(list.entries.length).toBe(2);
});

test('an epoch that continues after later entries were removed keeps its start offset', () => {
  const list = epochs(new MemoryDisk(), [2, 0], [3, 5], [5, 10]);
  list.note(3, 10);
  expect(list.entries).toEqual([
    { epoch: 2, startOffset: 0 },
    { epoch: 3, startOffset: 5 },
  ]);
});

test('truncateFromEnd removes the later entries, truncateFromStart the earlier ones', () => {
  const list = epochs(new MemoryDisk(), [2, 10], [4, 20], [7, 35]);
  list.truncateFromEnd(35);
  expect(list.latest).toBe(4);
  list.truncateFromStart(15);
  expect(list.entries).toEqual([
    { epoch: 2, startOffset: 15 },
    { epoch: 4, startOffset: 20 },
  ]);
  list.truncateFromStart(5);
  expect(list.entries[0]).toEqual({ epoch: 2, startOffset: 15 });
  list.truncateFromStart(100);
  expect(list.entries).toEqual([{ epoch: 4, startOffset: 100 }]);
  list.clear();
  expect(list.latest).toBe(-1);
});

test('a higher log start writes no file, even if entries go; the next write has the new start', () => {
  const disk = new MemoryDisk();
  const list = epochs(disk, [2, 10], [4, 20]);
  const text = () => new TextDecoder().decode(disk.readFile(PATH));
  for (const offset of [15, 20, 25]) {
    list.truncateFromStart(offset);
    expect([text(), list.dirty]).toEqual(['0\n2\n2 10\n4 20\n', false]);
  }
  const read = new LeaderEpochs(disk, PATH);
  read.truncateFromStart(25);
  expect(read.entries).toEqual(list.entries);
  list.note(5, 30);
  list.write();
  expect(text()).toBe('0\n2\n4 25\n5 30\n');
});

test("the file has Kafka's format, and a damaged file is recognised", () => {
  const disk = new MemoryDisk();
  epochs(disk, [2, 10], [4, 20]);
  expect(new TextDecoder().decode(disk.readFile(PATH))).toBe('0\n2\n2 10\n4 20\n');
  expect(new LeaderEpochs(disk, PATH).entries.length).toBe(2);
  for (const text of [
    '',
    '0\n',
    '1\n1\n2 10\n',
    '0\n2\n2 10\n',
    '0\n1\n2 10',
    '0\n1\n2 x\n',
    '0\n2\n4 20\n2 10\n',
  ]) {
    disk.writeFileAtomic(PATH, new TextEncoder().encode(text));
    const read = new LeaderEpochs(disk, PATH);
    expect([read.damaged, read.entries]).toEqual([true, []]);
  }
});

test('random changes give the same entries as a simple list', () => {
  const change = fc.tuple(fc.constantFrom('assign', 'end', 'start'), fc.nat(12), fc.nat(60));
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const disk = new MemoryDisk();
      const list = epochs(disk);
      let twin: { epoch: number; startOffset: number }[] = [];
      for (const [kind, epoch, offset] of changes) {
        if (kind === 'assign') {
          list.note(epoch, offset);
          if (list.dirty) list.write();
          const last = twin.at(-1);
          if (last?.epoch !== epoch || last.startOffset > offset) {
            twin = twin.filter((one) => one.epoch <= epoch && one.startOffset < offset);
            if (twin.at(-1)?.epoch !== epoch) twin.push({ epoch, startOffset: offset });
          }
        } else if (kind === 'end') {
          list.truncateFromEnd(offset);
          twin = twin.filter((one) => one.startOffset < offset);
        } else {
          list.truncateFromStart(offset);
          const kept = twin.findLast((one) => one.startOffset <= offset);
          if (kept !== undefined)
            twin = [{ ...kept, startOffset: offset }, ...twin.filter((one) => one.startOffset > offset)];
        }
        expect(list.entries).toEqual(twin);
        const read = new LeaderEpochs(disk, PATH);
        // Recovery makes this call, too, when it has read the file.
        read.truncateFromStart(list.entries[0]?.startOffset ?? 0);
        expect(read.entries).toEqual(twin);
        for (let at = 0; at < 60; at += 7)
          expect(list.epochAt(at)).toBe(twin.findLast((one) => one.startOffset <= at)?.epoch ?? -1);
      }
    }),
  );
});
