/**
 * JoinGroup (11), SyncGroup (14), Heartbeat (12), LeaveGroup (13) and ConsumerGroupHeartbeat (68): members
 * talk to the coordinator of their group. During a rebalance the coordinator may answer JoinGroup and
 * SyncGroup late. Until it answers, the broker sends no later answer on the connection, as in Kafka.
 */
import { apis } from '@millrace/protocol';
import { defineHandler } from '../handler.ts';
import { groupCall } from './group-call.ts';

/** The coordinator keeps copies of subscriptions, so the request's memory counts as held until the answer. */
export const joinGroup = defineHandler(apis.joinGroup, ({ groups }, request, reply) =>
  groups.join(groupCall(request, reply)),
);

export const syncGroup = defineHandler(
  apis.syncGroup,
  ({ groups }, request, reply) => groups.sync(groupCall(request, reply)),
  // The coordinator keeps nothing of a SyncGroup that waits for the assignments of the group's leader.
  { keepsRequest: false },
);

export const heartbeat = defineHandler(apis.heartbeat, ({ groups }, request, reply) =>
  groups.heartbeat(groupCall(request, reply)),
);

export const leaveGroup = defineHandler(apis.leaveGroup, ({ groups }, request, reply) =>
  groups.leave(groupCall(request, reply)),
);

export const consumerGroupHeartbeat = defineHandler(
  apis.consumerGroupHeartbeat,
  ({ groups }, request, reply) => groups.consumerHeartbeat(groupCall(request, reply)),
);
