/**
 * Goal: corruption on one disk loses no record that another replica holds, and a leader that cannot read its
 * log stops leading. Method: whole clusters of replica managers with a toy controller. The test overwrites
 * bytes of a replica's log.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { bytesBelow, valuesBelow } from '../support/logs.ts';
import { LoneReplica, ME, OTHER } from '../support/lone-replica.ts';
import { World } from '../support/world.ts';

const ALL = [[1, 2, 3]];
const LOG = '/data/events-0/00000000000000000000.log';

/** Five batches on all three replicas. */
function cluster() {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  for (let i = 0; i < 5; i++) world.broker(1).produce(topic, `v${i}`);
  world.advance(1000);
  return { world, topic };
}

function overwrite(world: World, id: number, position: number, bytes: Uint8Array): void {
  const file = world.broker(id).disk.open(LOG);
  file.write(position, [bytes]);
  file.close();
}

test('a leader with a corrupt log hands over its leadership, deletes the log and fetches the records again', () => {
  const { world, topic } = cluster();
  overwrite(world, 1, 0, new Uint8Array(100));
  // A read finds the corrupt bytes.
  const read = world.partition(1, topic);
  expect(
    read.log.read({ fromOffset: 0, endOffsetMax: 5, maxBytes: 1000, atLeastOneBatch: true }),
  ).toMatchObject({
    errorCode: ErrorCode.KAFKA_STORAGE_ERROR,
    damage: expect.any(String),
  });
  read.corruption.found('zeros');
  world.advance(3000);
  const state = world.controller.image.partition(topic, 0)!;
  expect(state.leader).not.toBe(1);
  expect([...state.isr].sort()).toEqual([1, 2, 3]);
  for (const id of [1, 2, 3]) {
    expect(valuesBelow(world.partition(id, topic))).toEqual(['v0', 'v1', 'v2', 'v3', 'v4']);
    expect(bytesBelow(world.partition(id, topic), 5)).toEqual(bytesBelow(world.partition(2, topic), 5));
  }
});

test('the leader notices a wrong checksum when a follower fetches the same batch again', () => {
  const { world, topic } = cluster();
  world.broker(3).kill();
  world.controller.fence(3);
  world.broker(1).produce(topic, 'late');
  world.advance(20);
  const size = world.partition(1, topic).log.sizeBytes;
  overwrite(world, 1, size - 1, new Uint8Array([0x55]));
  world.broker(3).start();
  world.advance(4000);
  const state = world.controller.image.partition(topic, 0)!;
  expect(state.leader).not.toBe(1);
  expect([...state.isr].sort()).toEqual([1, 2, 3]);
  for (const id of [1, 2, 3]) expect(valuesBelow(world.partition(id, topic)).at(-1)).toBe('late');
});

test('the last member of an ISR keeps its log, even if the log is corrupt', () => {
  const { world, topic } = cluster();
  world.broker(2).kill();
  world.broker(3).kill();
  world.controller.fence(2);
  world.controller.fence(3);
  world.advance(20);
  const alone = world.partition(1, topic);
  expect(alone.isr).toEqual([1]);
  overwrite(world, 1, 0, new Uint8Array(50));
  alone.corruption.found('zeros');
  world.advance(5000);
  expect(world.controller.image.partition(topic, 0)).toMatchObject({ leader: 1, isr: [1] });
  expect(alone.log.endOffset).toBe(5);
  expect(world.broker(1).produce(topic, 'more').value?.errorCode).toBe(ErrorCode.NONE);
});

/** A replica with one batch in its corrupt log. It has just lost its leadership. */
function damagedFollower(change: Parameters<LoneReplica['decide']>[0]): LoneReplica {
  const replica = new LoneReplica();
  replica.produce(1);
  replica.decide({ leader: OTHER, ...change });
  replica.partition.corruption.found('zeros');
  return replica;
}

test('while the controller may elect a follower with a corrupt log, the follower keeps the log and asks to leave the ISR', () => {
  const replica = damagedFollower({});
  const { partition, proposals } = replica;
  expect(proposals.map(({ kind, isr }) => [kind, isr.map((member) => member.brokerId)])).toEqual([
    ['resign', [OTHER]],
  ]);
  // After an error the replica sends the proposal again.
  proposals.push(proposals[0]!);
  expect(replica.answer(ErrorCode.NOT_CONTROLLER)).toBe(false);
  expect(replica.answer(ErrorCode.NONE)).toBe(true);
  expect(partition.log.endOffset).toBe(1);
  replica.decide({ isr: [OTHER], leader: OTHER });
  expect(partition.log.endOffset).toBe(0);
  expect(partition.corruption.reason).toBeUndefined();
  expect(proposals).toEqual([]);
});

test('an eligible leader replica with a corrupt log keeps the log, too, and asks to leave the ELR', () => {
  const replica = damagedFollower({ isr: [OTHER], elr: [ME] });
  expect(replica.partition.log.endOffset).toBe(1);
  expect(replica.proposals[0]).toMatchObject({ kind: 'resign', isr: [{ brokerId: OTHER }] });
  // The controller has decided another change meanwhile. The proposal is out of date, and the replica sends a
  // new one.
  replica.decide({ isr: [OTHER, ME], elr: [] });
  expect(replica.proposals.shift()!.isPending()).toBe(false);
  expect(replica.proposals).toHaveLength(1);
  replica.decide({ isr: [OTHER], elr: [], leader: OTHER });
  expect(replica.partition.log.endOffset).toBe(0);
});

test('a follower outside ISR and ELR asks for a new leader epoch, because a fetch with its old offset may be in flight', () => {
  const replica = damagedFollower({});
  expect(replica.proposals.shift()!.isPending()).toBe(true);
  // The leader removes the replica from the ISR before the controller answers its proposal.
  replica.decide({ isr: [OTHER] });
  expect(replica.partition.log.endOffset).toBe(1);
  expect(replica.proposals).toHaveLength(1);
  replica.decide({ leader: OTHER });
  expect(replica.partition.log.endOffset).toBe(0);
});

test('a corrupt replica that is the last ISR member keeps its log and sends no proposal', () => {
  const replica = damagedFollower({ isr: [ME], leader: -1 });
  expect(replica.proposals).toEqual([]);
  expect(replica.partition.log.endOffset).toBe(1);
});

test('a corrupt replica keeps its log while there is no leader to fetch from', () => {
  const replica = damagedFollower({ isr: [OTHER], leader: -1 });
  expect(replica.partition.log.endOffset).toBe(1);
  replica.decide({ leader: OTHER });
  expect(replica.partition.log.endOffset).toBe(0);
});

test('a replica that is corrupt again before it rejoined the ISR goes offline, and asks for no further leader epoch', () => {
  const replica = damagedFollower({});
  replica.decide({ isr: [OTHER], leader: OTHER });
  replica.proposals.length = 0;
  replica.partition.corruption.found('EIO');
  expect(replica.partition.isOffline).toBe(true);
  expect(replica.proposals).toEqual([]);
});

test('a replica that is corrupt again after it rejoined the ISR asks to leave the ISR again', () => {
  const replica = damagedFollower({});
  replica.decide({ isr: [OTHER], leader: OTHER });
  replica.decide({ isr: [OTHER, ME] });
  replica.decide({ isr: [OTHER] });
  replica.proposals.length = 0;
  replica.partition.corruption.found('EIO');
  expect(replica.partition.isOffline).toBe(false);
  expect(replica.proposals).toHaveLength(1);
});

test('a clean stop with a corrupt log writes no broker epoch, and loses no records', () => {
  const { world, topic } = cluster();
  const { manager } = world.broker(3);
  // Append enough records for index entries after the corruption. At start the broker checks a cleanly closed
  // log only from its last index entry on.
  for (let i = 0; i < 4; i++) world.broker(1).produce(topic, 'x'.repeat(3000));
  world.advance(100);
  overwrite(world, 3, 100, new Uint8Array([0x55]));
  world.partition(3, topic).corruption.found('checksum');
  let isClosed = false;
  manager.close({ clean: true }, () => {
    isClosed = true;
  });
  world.advance(100);
  expect(isClosed).toBe(true);
  world.broker(3).kill();
  world.broker(3).start();
  expect(world.broker(3).directory?.cleanShutdownBrokerEpoch ?? -1).toBe(-1);
  expect(world.broker(3).directory?.log('events', 0)?.endOffset).toBe(9);
});
