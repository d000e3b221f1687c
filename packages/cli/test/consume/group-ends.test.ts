/**
 * Goal: `consume --group --exit` ends as soon as the member has read its partitions to the end, not before.
 */
import { expect, test } from 'vitest';
import { GroupEnds } from '../../src/consume/group-ends.ts';

const place = (partition: number) => ({ topic: 'x', partition });
const start = (partition: number) => ({ ...place(partition), start: 'earliest' as const });

class Ended {
  readonly seen: string[] = [];
  readonly forgotten: number[] = [];
  readonly answers: (() => void)[] = [];
  end = 9;
  readonly ends = new GroupEnds({
    printer: {
      endAt: ({ partition }, end, position) => this.seen.push(`${partition}: ${position} to ${end}`),
      endsAwaited: () => this.seen.push('awaited'),
      endsKnown: () => this.seen.push('known'),
      forget: ({ partition }) => this.forgotten.push(partition),
    },
    // Every log begins at the offset 3.
    lookUp: (places, timestamp) =>
      new Promise((resolve) => {
        this.answers.push(() => {
          const offset = timestamp === -2 ? 3 : this.end;
          resolve(new Map(places.map(({ partition }) => [`x-${partition}`, offset])));
        });
      }),
  });

  /** Answers the oldest lookup. */
  async answer(): Promise<void> {
    this.answers.shift()!();
    await new Promise((done) => setImmediate(done));
  }
}

test('the printer gets the end of each assigned partition, and the position of its reader', async () => {
  const ended = new Ended();
  const assigned = ended.ends.assigned([
    start(0),
    { ...start(1), start: 5 },
    { ...start(2), start: 'latest' },
  ]);
  await ended.answer();
  ended.ends.read(place(0), 7);
  await ended.answer();
  await assigned;
  expect(ended.seen).toEqual(['awaited', '0: 7 to 9', '1: 5 to 9', '2: 9 to 9', 'known']);
});

test('a partition that the member gives up during the lookup has no end to wait for', async () => {
  const ended = new Ended();
  void ended.ends.assigned([start(0), start(1)]);
  ended.ends.revoked([place(0)]);
  await ended.answer();
  await ended.answer();
  expect(ended.seen).toEqual(['awaited', '1: 3 to 9', 'known']);
});

test('a partition is revoked and assigned again during its lookup: only the later lookup says where it ends', async () => {
  const ended = new Ended();
  void ended.ends.assigned([start(0)]);
  await ended.answer();
  ended.ends.revoked([place(0)]);
  void ended.ends.assigned([{ ...start(0), start: 5 }]);
  await ended.answer();
  expect(ended.seen).toEqual(['awaited', 'awaited']);
  ended.end = 12;
  await ended.answer();
  await ended.answer();
  expect(ended.seen).toEqual(['awaited', 'awaited', '0: 5 to 12', 'known']);
});

test('a partition is assigned again, and its log has grown: its earlier end no longer counts', async () => {
  const ended = new Ended();
  void ended.ends.assigned([start(0), start(1)]);
  await ended.answer();
  await ended.answer();
  ended.forgotten.length = 0;
  void ended.ends.assigned([start(0)]);
  expect(ended.forgotten).toEqual([0]);
});

test('more partitions are assigned during a lookup: the ends are known after both lookups', async () => {
  const ended = new Ended();
  void ended.ends.assigned([start(0)]);
  void ended.ends.assigned([start(1)]);
  for (let i = 0; i < 4; i++) await ended.answer();
  expect(ended.seen).toEqual(['awaited', 'awaited', '0: 3 to 9', '1: 3 to 9', 'known']);
});

test('a partition is revoked while the others are at their ends: the printer checks whether it may finish', async () => {
  const ended = new Ended();
  void ended.ends.assigned([start(0), start(1)]);
  await ended.answer();
  await ended.answer();
  ended.seen.length = 0;
  ended.ends.revoked([place(1)]);
  expect(ended.seen).toEqual(['known']);
});

test('every partition is revoked: the command does not end, because the member may get others', async () => {
  const ended = new Ended();
  void ended.ends.assigned([start(0)]);
  await ended.answer();
  await ended.answer();
  ended.seen.length = 0;
  ended.ends.revoked([place(0)]);
  expect(ended.seen).toEqual([]);
});
