import { ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { FakeShardPort } from '../../src/testing/index.ts';

const record = (key: number, value?: number) => ({
  key: Uint8Array.of(key),
  value: value === undefined ? null : Uint8Array.of(value),
});

function hosted() {
  const port = new FakeShardPort();
  const replayed: number[] = [];
  const kept: Uint8Array[] = [];
  port.host({
    replay({ key }) {
      replayed.push(key[0]!);
      kept.push(key);
    },
  });
  return { port, replayed, kept };
}

it('replays an accepted decision within the write, and overwrites the replayed bytes afterwards', () => {
  const { port, replayed, kept } = hosted();
  expect(port.write([record(1, 7), record(2)])).toBe(ErrorCode.NONE);
  expect(replayed).toEqual([1, 2]);
  expect(kept[0]).toEqual(Uint8Array.of(0xee));
  expect(port.transcript()).toEqual(['write #1 01=07, 02=null']);
  expect(port.transcript()).toEqual([]);
});

it('keeps a copy of the records, even if their bytes are Buffers', () => {
  const { port } = hosted();
  port.write([{ key: Buffer.of(1), value: Buffer.of(2) }]);
  expect(port.decisions).toEqual([[record(1, 2)]]);
});

it('does not count a write without records as a decision', () => {
  const { port } = hosted();
  expect([port.write([]), port.lastWrite]).toEqual([ErrorCode.NONE, 0]);
});

it('replays nothing of a refused decision', () => {
  const { port, replayed } = hosted();
  port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  expect(port.write([record(1)])).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE);
  expect(replayed).toEqual([]);
  expect(port.lastWrite).toBe(0);
  expect(port.transcript()).toEqual(['refused 01=null']);
});

it('calls back when the test commits, in the order of the calls', () => {
  const { port } = hosted();
  port.write([record(1)]);
  port.write([record(2)]);
  const done: string[] = [];
  for (const write of [0, 2, 1]) port.whenCommitted(write, (error) => done.push(`${write}:${error}`));
  expect(done).toEqual(['0:0']);
  port.commit(1);
  expect(done).toEqual(['0:0', '1:0']);
  port.timeOutCommits();
  expect(done).toEqual(['0:0', '1:0', '2:15']);
});

it('fires timers at their time, and fires none after end()', () => {
  const { port } = hosted();
  const fired: number[] = [];
  port.after(10, () => fired.push(port.now()));
  port.after(20, () => fired.push(port.now()))();
  port.after(30, () => fired.push(port.now()));
  port.advance(25);
  expect(fired).toEqual([10]);
  expect(port.timerCount).toBe(1);
  port.write([record(1)]);
  const errors: number[] = [];
  port.whenCommitted(1, (error) => errors.push(error));
  port.end();
  expect(port.write([record(2)])).toBe(ErrorCode.NOT_COORDINATOR);
  port.whenCommitted(1, (error) => errors.push(error));
  port.advance(100);
  expect([fired, errors]).toEqual([[10], [16, 16]]);
});

it('loads the decisions into another machine', () => {
  const { port } = hosted();
  port.write([record(1)]);
  port.write([record(2), record(3)]);
  const loaded: number[] = [];
  port.loadInto({ replay: ({ key }) => loaded.push(key[0]!) }, 1);
  expect(loaded).toEqual([1]);
  port.loadInto({ replay: ({ key }) => loaded.push(key[0]!) });
  expect(loaded).toEqual([1, 1, 2, 3]);
});
