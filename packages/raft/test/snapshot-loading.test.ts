/**
 * Goal: how a follower loads the leader's snapshot, and when it must begin again.
 * Method: the test gives events to one node, and compares its effects, as in follower.test.ts.
 */
import { crc32c } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import {
  checksumOf,
  encodePart,
  type FetchSnapshotResponse,
  RaftErrorCode,
  type SnapshotId,
  type SnapshotManifest,
} from '../src/index.ts';
import { follower } from './support/nodes.ts';
import { clusterId, data, fetched, formed, type Subject, vote } from './support/transcript.ts';

const contents = ['a', 'b'].map((text) => encodePart([new TextEncoder().encode(text)]));

function manifestOf(endOffset: number, epoch = 2): SnapshotManifest {
  return {
    id: { endOffset, epoch },
    voters: formed().records[0]!,
    parts: contents.length,
    bytes: 10,
    checksum: checksumOf(contents.map((content) => crc32c(content))),
  };
}

function part(number: number, o: Partial<FetchSnapshotResponse> = {}): FetchSnapshotResponse {
  return {
    type: 'fetchSnapshot',
    errorCode: 0,
    epoch: 2,
    leaderId: 2,
    manifest: manifestOf(10),
    part: number,
    content: contents[number]!,
    round: 0,
    ...o,
  };
}

const offered = (id: SnapshotId) => fetched(2, 2, { snapshot: id, highWatermark: 20 });

/** A follower that the leader refers to the snapshot at offset 10. */
function loading(): Subject {
  const node = follower();
  expect(node.answer(2, offered({ endOffset: 10, epoch: 2 }))).toEqual(['-> 2 fetch-snapshot e2 10 part 0']);
  return node;
}

/** A follower that has all parts of the snapshot at offset 10. Its owner decodes the snapshot. */
function decoding(): Subject {
  const node = loading();
  expect(node.answer(2, part(0))).toEqual(['#1 part 0 of 10']);
  expect(node.persisted(1)).toEqual(['-> 2 fetch-snapshot e2 10 part 1']);
  expect(node.answer(2, part(1))).toEqual(['#2 part 1 of 10', 'checkSnapshot']);
  return node;
}

const decoded = (node: Subject, error?: string) =>
  node.do({ type: 'snapshotChecked', id: { endOffset: 10, epoch: 2 }, error });

describe('loading a snapshot', () => {
  test('the node installs the decoded snapshot, and fetches from its end when the snapshot is durable', () => {
    const node = decoding();
    expect(node.persisted(2)).toEqual(['-> 2 fetch e2 from 2/1']);
    expect(decoded(node)).toEqual(['#3 installSnapshot', 'installed']);
    expect([node.raft.log.startOffset, node.raft.log.durableEnd, node.raft.highWatermark]).toEqual([
      10, 0, 10,
    ]);
    expect(node.persisted(3)).toEqual(['published', '-> 2 fetch e2 from 10/2']);
    expect(node.raft.log.durableEnd).toBe(10);
    expect([node.raft.mayVote, node.raft.clusterId]).toEqual([true, clusterId]);
    node.sent.shift();
    expect(node.answer(2, fetched(2, 2, { batches: [data(10, 2, 'x')], highWatermark: 11 }))).toEqual([
      '#4 append data e2@10',
      'committed e2@10',
    ]);
  });

  test('the answer to a fetch for the old log has no effect on the new log', () => {
    const node = decoding();
    node.persisted(2);
    decoded(node);
    expect(node.answer(2, fetched(2, 2, { batches: [data(2, 2, 'late')], highWatermark: 3 }))).toEqual([]);
    expect(node.raft.log.endOffset).toBe(10);
  });

  test('a newer snapshot of the leader does not replace one that is complete', () => {
    const node = decoding();
    node.persisted(2);
    expect(node.answer(2, offered({ endOffset: 15, epoch: 2 }))).toEqual([]);
    expect(decoded(node)).toEqual(['#3 installSnapshot', 'installed']);
  });

  test('a newer snapshot of the leader replaces one that is not complete', () => {
    const node = loading();
    const gone = part(0, { errorCode: RaftErrorCode.SNAPSHOT_NOT_FOUND, manifest: undefined });
    expect(node.answer(2, gone)).toEqual([]);
    // The node waits before it asks again, in case the leader misses a part of the snapshot that it names.
    expect(node.pass(100)).toContain('-> 2 fetch e2 from 2/1');
    expect(node.answer(2, offered({ endOffset: 15, epoch: 2 }))).toContain(
      '-> 2 fetch-snapshot e2 15 part 0',
    );
  });

  test('a vote for another leader ends the loading, and a late decoding changes nothing', () => {
    const node = decoding();
    node.persisted(2);
    const wanted = vote({ epoch: 3, candidateId: 3, clusterId, logEndOffset: 20, logLastEpoch: 2 });
    expect(node.ask(wanted)).toContain('<- granted e3 after #4');
    expect(decoded(node)).toEqual([]);
    expect(node.raft.log.endOffset).toBe(2);
  });

  test('after the installation, a vote compares the new log, and leaves only when that log is durable', () => {
    const node = decoding();
    node.persisted(2);
    decoded(node);
    const wanted = { epoch: 3, candidateId: 3, clusterId, logLastEpoch: 2 };
    expect(node.ask(vote({ ...wanted, logEndOffset: 9 }))).toContain('<- denied e3 after #4');
    expect(node.ask(vote({ ...wanted, logEndOffset: 10 }))).toContain('<- granted e3 after #5');
  });

  test.each([
    ['a wrong checksum', part(1, { content: contents[0]! })],
    ['malformed voters', part(1, { manifest: { ...manifestOf(10), voters: new Uint8Array([1]) } })],
  ])('a snapshot with %s is dropped and loaded again', (_what, last) => {
    const node = loading();
    node.answer(2, part(0));
    node.persisted(1);
    expect(node.answer(2, last)).toEqual(['#2 part 1 of 10', 'error snapshot-rejected']);
    node.persisted(2);
    expect(node.pass(600)).toContain('-> 2 fetch e2 from 2/1');
    expect(node.answer(2, offered({ endOffset: 10, epoch: 2 }))).toContain(
      '-> 2 fetch-snapshot e2 10 part 0',
    );
  });

  test('a snapshot that the owner cannot decode is dropped', () => {
    const node = decoding();
    node.persisted(2);
    expect(decoded(node, 'a topic has no partitions')).toEqual(['error snapshot-rejected']);
    expect(node.raft.log.endOffset).toBe(2);
  });

  test('a part of another snapshot is refused', () => {
    const node = loading();
    expect(node.answer(2, part(0, { manifest: manifestOf(15) }))).toEqual(['error fetch-answer-malformed']);
  });
});
