/** Goal: a client finds the coordinator of its group again, whatever happens to the coordinator. */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { PlayedGroup } from '../support/played-group.ts';

test('the client asks for the coordinator, and opens a connection to it that does not serve fetches', () => {
  const group = new PlayedGroup();
  expect(group.coordinator.connection()).toBeUndefined();
  let changes = 0;
  group.coordinator.whenChanged(() => changes++);
  group.finds({ errorCode: ErrorCode.NONE, nodeId: 4, host: 'b4', port: 4 });
  expect(changes).toBe(1);
  expect(group.coordinator.connection()).toBeUndefined();
  group.cluster.opens(4);
  expect(group.coordinator.connection()?.isReady).toBe(true);
  expect(group.cluster.view.connectionTo(4)).toBeUndefined();
});

test('COORDINATOR_NOT_AVAILABLE: the client asks again after a pause', () => {
  const group = new PlayedGroup();
  group.coordinator.connection();
  group.coordinator.whenChanged(() => group.coordinator.connection());
  group.finds({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE });
  group.clock.advance(99);
  expect(group.cluster.server.waiting).toEqual([]);
  group.clock.advance(1);
  group.found();
  expect(group.coordinator.connection()?.isReady).toBe(true);
});

test('the connection to the coordinator breaks, or the group moves: the client asks for the coordinator', () => {
  const group = new PlayedGroup();
  group.coordinator.connection();
  group.found();
  group.coordinator.connection();
  group.cluster.opens(9);
  group.broker().breaks();
  expect(group.coordinator.connection()).toBeUndefined();
  group.finds({ errorCode: ErrorCode.NONE, nodeId: 8, host: 'b8', port: 8 });
  group.coordinator.connection();
  group.cluster.opens(8);
  expect(group.coordinator.connection()?.isReady).toBe(true);
  group.coordinator.moved();
  expect(group.coordinator.connection()).toBeUndefined();
  expect(group.cluster.server.waiting).toEqual(['FindCoordinator']);
});

test('a refusal is final', () => {
  const group = new PlayedGroup();
  group.coordinator.connection();
  let changes = 0;
  group.coordinator.whenChanged(() => changes++);
  group.finds({ errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED });
  group.clock.advance(0);
  expect([changes, group.coordinator.failure]).toEqual([1, 'GROUP_AUTHORIZATION_FAILED']);
});
