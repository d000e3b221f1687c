/**
 * ListGroups (16), DescribeGroups (15), ConsumerGroupDescribe (69) and DeleteGroups (42): the groups that
 * this broker coordinates. Clients ask every broker for its groups, and each group's coordinator for the
 * rest.
 */
import { apis } from '@millrace/protocol';
import { ALL_GROUP_OPERATIONS, NOT_REQUESTED } from '../authorized-operations.ts';
import { defineHandler } from '../handler.ts';

export const listGroups = defineHandler(apis.listGroups, ({ groups }, { body }, reply) =>
  groups.list(body, (response) => reply.send(response)),
);

export const describeGroups = defineHandler(apis.describeGroups, ({ groups }, { version, body }, reply) => {
  const authorizedOperations = body.includeAuthorizedOperations ? ALL_GROUP_OPERATIONS : NOT_REQUESTED;
  groups.describeClassic(body.groups, version, (described) =>
    reply.send({ groups: described.map((group) => ({ ...group, authorizedOperations })) }),
  );
});

export const consumerGroupDescribe = defineHandler(
  apis.consumerGroupDescribe,
  ({ groups }, { body }, reply) => {
    const authorizedOperations = body.includeAuthorizedOperations ? ALL_GROUP_OPERATIONS : NOT_REQUESTED;
    groups.describe(body.groupIds, (described) =>
      reply.send({ groups: described.map((group) => ({ ...group, authorizedOperations })) }),
    );
  },
);

export const deleteGroups = defineHandler(apis.deleteGroups, ({ groups }, { body }, reply) =>
  groups.delete(body.groupsNames, (results) => reply.send({ results })),
);
