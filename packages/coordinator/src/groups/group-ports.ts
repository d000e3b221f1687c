/** Makes what the groups of a shard get from outside: their settings, and the receivers of their events. */
import type { Logger, Random } from '@millrace/base';
import type { MetadataDelta } from '@millrace/metadata';
import type { TextCache } from '@millrace/protocol';
import type { ClassicGroupSeams, RemovalEvent } from '../classic/index.ts';
import type { GroupsConfig } from '../config.ts';
import type { ConsumerGroupPorts } from '../consumer/ports.ts';
import type { TopicChanges } from '../consumer/topic-changes.ts';
import type { ShardPort } from '../runtime/machine.ts';
import { consumerGroupSettings } from './group-settings.ts';
import type { RebalanceHistory } from './rebalance-history.ts';

export interface GroupSurroundings {
  readonly port: ShardPort;
  readonly config: GroupsConfig;
  readonly random: Random;
  readonly logger: Logger;
  /** Decodes the texts of records, so that groups share equal texts. */
  readonly texts: TextCache;
  /** Counts a rebalance for the metric, by its cause. */
  readonly countRebalance: (cause: string) => void;
  /** The changes of topics in the delta. Undefined: no change concerns groups. */
  topicChangesOf(delta: MetadataDelta): TopicChanges | undefined;
}

/**
 * When the first join of a member has been parked for this time, the group removes the member. The value is
 * Kafka's.
 */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000;
/**
 * Limit for the member ids that a group gave out and that nobody has joined with yet. The group keeps each of
 * them for one session timeout.
 */
const PENDING_MEMBERS_MAX = 10_000;

export function classicSeams(
  groupId: string,
  { port, config, random, logger, countRebalance }: GroupSurroundings,
  history: RebalanceHistory,
): ClassicGroupSeams {
  const removed = ({ generation, ...event }: RemovalEvent) =>
    logger.info('group-member-removed', { group: groupId, epoch: generation, ...event });
  return {
    port,
    random,
    config: {
      ...config.classic,
      newMemberJoinTimeoutMs: NEW_MEMBER_JOIN_TIMEOUT_MS,
      maxPendingMembers: PENDING_MEMBERS_MAX,
    },
    events: {
      rebalanced: ({ generation: epoch, ...event }) => {
        countRebalance(event.cause);
        history.note(groupId, { atMs: port.wallMs(), epoch, ...event });
        logger.info('group-rebalanced', { group: groupId, epoch, ...event });
      },
      memberRemoved: removed,
      generationBegan: ({ protocolName: protocol, leaderId: leader, ...event }) =>
        logger.info('group-generation-began', { group: groupId, protocol, leader, ...event }),
      stabilized: ({ protocolName: protocol, leaderId: leader, ...event }) =>
        logger.info('group-stable', { group: groupId, protocol, leader, ...event }),
    },
  };
}

export function consumerPorts(
  groupId: string,
  { port, config, random, logger, countRebalance }: GroupSurroundings,
  history: RebalanceHistory,
): ConsumerGroupPorts {
  return {
    shard: port,
    settings: () => consumerGroupSettings(port.image(), config, groupId),
    newMemberId: () => random.uuid(),
    rebalanced: ({ memberId, clientId, clientHost, ...event }) => {
      const who = { memberId: memberId ?? '', clientId: clientId ?? '', clientHost: clientHost ?? '' };
      countRebalance(event.cause);
      history.note(groupId, { atMs: port.wallMs(), ...event, ...who });
      logger.info('group-rebalanced', { group: groupId, ...event, ...who });
    },
  };
}
