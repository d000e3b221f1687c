/** Goal: which snapshots the host of a node writes, and which decoded snapshots it keeps. */
import { ManualClock } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import type { RaftInput, Snapshot, SnapshotOwner, SnapshotSource } from '../src/index.ts';
import { SnapshotHost } from '../src/snapshot-host.ts';
import type { QueuedWrite } from '../src/write-queue.ts';
import { follower, manifestAt } from './support/nodes.ts';

const received: Snapshot = { manifest: manifestAt(10, 2), parts: [new Uint8Array(1)] };
const { id } = received.manifest;

/** The host of a follower whose log ends at offset 2. Its snapshots have many parts. */
function hosting() {
  const clock = new ManualClock();
  const inputs: RaftInput[] = [];
  const writes: QueuedWrite[] = [];
  const installs: string[] = [];
  let source: SnapshotSource = { id: { endOffset: 2, epoch: 1 }, records: Array(50).fill(new Uint8Array(1)) };
  const owner: SnapshotOwner = {
    snapshot: () => source,
    decodeSnapshot: (_snapshot, done) => done(() => void installs.push('installed')),
  };
  const write = (one: QueuedWrite) => {
    writes.push(one);
    clock.setTimer(5, () => one.durable?.());
  };
  const host = new SnapshotHost(
    { node: follower().raft, clock, write, input: (input) => void inputs.push(input) },
    { owner, config: { maxBytes: 100, intervalMs: 0, partBytes: 1 } },
  );
  const commit = () => host.committed([{ baseOffset: 1, epoch: 1, records: [new Uint8Array(100)] }]);
  const moveTo = (endOffset: number) => {
    source = { ...source, id: { endOffset, epoch: 2 } };
  };
  return { clock, inputs, writes, installs, host, commit, moveTo };
}

test('an installed snapshot ends the writing of an older one; the next one is taken when it is due', () => {
  const { host, commit, clock, writes, inputs, installs, moveTo } = hosting();
  commit();
  clock.advance(20);
  const begun = writes.length;
  expect(begun).toBeGreaterThan(1);
  host.check(received);
  host.install(id);
  expect(installs).toEqual(['installed']);
  clock.advance(1000);
  expect(writes).toHaveLength(begun);
  moveTo(11);
  commit();
  clock.advance(1000);
  expect(inputs.map(({ type }) => type)).toEqual(['snapshotChecked', 'snapshotWritten']);
  expect(inputs[1]).toMatchObject({ manifest: { id: { endOffset: 11, epoch: 2 }, parts: 50 } });
});

test('a snapshot that became due while another one was published is taken afterwards', () => {
  const { host, commit, clock, inputs, moveTo } = hosting();
  commit();
  moveTo(3);
  commit();
  clock.advance(1000);
  expect(inputs).toHaveLength(1);
  host.published();
  clock.advance(1000);
  expect(inputs.map((input) => input.type === 'snapshotWritten' && input.manifest.id.endOffset)).toEqual([
    2, 3,
  ]);
});

test('a decoded snapshot that is dropped cannot be installed', () => {
  const { host } = hosting();
  host.check(received);
  host.drop({ endOffset: 11, epoch: 2 });
  host.drop(id);
  expect(() => host.install(id)).toThrow('a snapshot is decoded before it is installed');
});
