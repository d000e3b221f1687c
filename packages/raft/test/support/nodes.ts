/**
 * The functions that name a state return one node of a quorum of three in this state. Tests begin with such a
 * node.
 */
import { expect } from 'vitest';
import type { SnapshotManifest } from '../../src/index.ts';
import {
  clusterId,
  data,
  fetch,
  formed,
  granted,
  leaderChange,
  Subject,
  type SubjectOptions,
} from './transcript.ts';

export const history = [formed(), leaderChange(1, 1, 1)];

/**
 * Node 1 of three leads epoch 2. Its log ends at offset 3: it has the history and the node's own leader
 * change, all durable. No follower has fetched yet, so nothing is committed.
 */
export function leader(): Subject {
  return elected({ batches: history });
}

/** Node 1 of three leads epoch 2. It was in the state `stored` in epoch 1, and appended its leader change. */
function elected(stored: Pick<SubjectOptions, 'batches' | 'start' | 'snapshots'>): Subject {
  const node = new Subject({ ...stored, vote: { epoch: 1, votedFor: -1 } });
  node.start();
  node.pass(40);
  node.answer(2, granted(2, 1));
  node.persisted(1);
  node.answer(3, granted(3, 1));
  node.answer(2, granted(2, 2));
  node.persisted(2);
  node.sent.length = 0;
  expect(node.raft.role).toBe('leader');
  return node;
}

/** The history and three batches of 100,000 bytes. A node commits one of them in a turn. */
export const longHistory = [...history, ...[2, 3, 4].map((offset) => data(offset, 1, 'x'.repeat(100_000)))];

/** The leader of `leader()` with the long history. Its log ends at offset 6. */
export function leaderOfLongLog(): Subject {
  return elected({ batches: longHistory });
}

/** A snapshot of a quorum of three. */
export function manifestAt(endOffset: number, epoch: number): SnapshotManifest {
  return { id: { endOffset, epoch }, voters: formed().records[0]!, parts: 1, bytes: 1, checksum: 0 };
}

/** A leader of epoch 2 whose log begins at offset 10, after its snapshot, and ends at offset 12. */
export function shortened(): Subject {
  const manifest = manifestAt(10, 1);
  return elected({ batches: [data(10, 1, 'x')], start: manifest.id, snapshots: [manifest] });
}

/** The leader of `leader()`, after node 2 has fetched from offset 3. So all its records are committed. */
export function active(): Subject {
  const node = leader();
  node.ask(fetch(2, 2, { fetchOffset: 3, lastFetchedEpoch: 2 }));
  expect(node.raft.highWatermark).toBe(3);
  return node;
}

/** Node 1 of three, following node 2 in epoch 2. */
export function follower(batches = history): Subject {
  const node = new Subject({ batches, vote: { epoch: 2, votedFor: 2 } });
  node.start();
  expect(node.ask({ type: 'begin', clusterId, leaderId: 2, epoch: 2 })).toContain('<- begin ok e2');
  return node;
}
