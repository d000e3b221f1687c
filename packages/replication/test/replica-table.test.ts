/**
 * Goal: the table remembers a replica that it cannot open, and forgets the replica when this broker no longer
 * hosts it. Method: a directory that opens no log.
 */
import { DiskError, type Uuid } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import type { LogDirectory } from '@millrace/log';
import { expect, test } from 'vitest';
import { ReplicaTable } from '../src/replica-table.ts';

const ORDERS = 'orders'.padEnd(22, 'A') as Uuid;
const EVENTS = 'events'.padEnd(22, 'A') as Uuid;

/** A table that could open no partition of `orders` or `events`. */
function brokenTable(): ReplicaTable {
  const directory = {
    log: () => undefined,
    hasFolder: () => false,
    openLog: () => {
      throw new DiskError('ENOSPC', 'no space left on device');
    },
  } as unknown as LogDirectory;
  const openings = { has: () => false, mayCreate: () => true, cancelTopic: () => false, cancel: () => false };
  const table = new ReplicaTable(directory, new MemoryLogger(), { openings } as never);
  for (const [topicId, topic, index] of [
    [ORDERS, 'orders', 0],
    [ORDERS, 'orders', 1],
    [EVENTS, 'events', 0],
  ] as const)
    table.ensure({ topicId, topic, index }, { settings: { log: {}, partition: {} }, nowWallMs: 0 } as never);
  return table;
}

const broken = (table: ReplicaTable) =>
  [table.isBroken(ORDERS, 0), table.isBroken(ORDERS, 1), table.isBroken(EVENTS, 0)].map(Number).join('');

test('the table forgets a replica that left this broker, and a deleted topic', () => {
  const table = brokenTable();
  expect(broken(table)).toBe('111');
  table.forgetBroken(ORDERS, 1);
  expect(broken(table)).toBe('101');
  table.forgetBroken(ORDERS);
  expect(broken(table)).toBe('001');
});

test('the table forgets the replicas of a topic that was removed while this broker was away', () => {
  const table = brokenTable();
  table.topicRemoved(ORDERS);
  expect(broken(table)).toBe('001');
});
