/**
 * ListGroups (16), DescribeGroups (15), ConsumerGroupDescribe (69) and DeleteGroups (42): the groups that
 * this broker coordinates. Clients send ListGroups to every broker, and the other requests to each group's
 * coordinator.
 *
 * A request may name a group more than once. The group still gets only one answer, because a few bytes of
 * request must not become many large descriptions.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { ALL_GROUP_OPERATIONS, NOT_REQUESTED } from '../authorized-operations.ts';
import { defineHandler, type GroupPort } from '../handler.ts';

export const listGroups = defineHandler(apis.listGroups, ({ groups }, { body }, reply) =>
  groups.list(body, (response) => reply.send(response)),
);

export const describeGroups = defineHandler(apis.describeGroups, ({ groups }, { version, body }, reply) => {
  groups.describeClassic(distinct(body.groups), version, (described) =>
    reply.send({
      groups: described.map((group) => ({
        ...group,
        ...operationsOf(group, body),
        ...rebalancesOf(groups, group, body),
      })),
    }),
  );
});

export const consumerGroupDescribe = defineHandler(
  apis.consumerGroupDescribe,
  ({ groups }, { body }, reply) => {
    groups.describe(distinct(body.groupIds), (described) =>
      reply.send({
        groups: described.map((group) => ({
          ...group,
          ...operationsOf(group, body),
          ...rebalancesOf(groups, group, body),
        })),
      }),
    );
  },
);

function operationsOf(
  { errorCode = ErrorCode.NONE }: { readonly errorCode?: unknown },
  { includeAuthorizedOperations }: { readonly includeAuthorizedOperations: boolean },
): { authorizedOperations: number } {
  const isTold = includeAuthorizedOperations && errorCode === ErrorCode.NONE;
  return { authorizedOperations: isTold ? ALL_GROUP_OPERATIONS : NOT_REQUESTED };
}

/**
 * The group's rebalances, if the client asks for them. Only Millrace has this field
 * (protocol/src/apis/rebalances.ts).
 */
function rebalancesOf(
  groups: GroupPort,
  { groupId, errorCode = ErrorCode.NONE }: { readonly groupId?: unknown; readonly errorCode?: unknown },
  { includeRebalances }: { readonly includeRebalances: boolean },
) {
  if (!includeRebalances || errorCode !== ErrorCode.NONE) return { rebalances: null };
  const rebalances = groups.rebalances(String(groupId)).map(({ reason = null, afterMs, ...rebalance }) => ({
    ...rebalance,
    reason,
    afterMs: afterMs === undefined ? -1 : Math.trunc(afterMs),
  }));
  return { rebalances };
}

export const deleteGroups = defineHandler(apis.deleteGroups, ({ groups }, { body }, reply) =>
  groups.delete(distinct(body.groupsNames), (results) => reply.send({ results })),
);

function distinct(groupIds: readonly string[]): string[] {
  return [...new Set(groupIds)];
}
