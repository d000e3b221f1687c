/** Events of the active controller, and of the controllers that serve brokers. */
import type { EventDefinition } from './definition.ts';

export const controllerEvents = {
  'controller-activated': {
    level: 'info',
    facts: ['epoch', 'offset'],
    says: 'The controller is the active controller in epoch {epoch}.',
  },
  'controller-resigned': {
    level: 'info',
    facts: ['epoch', 'parked'],
    says: 'The controller resigns as the active controller of epoch {epoch} and drops {parked} requests.',
  },
  'broker-registered': {
    level: 'info',
    facts: ['brokerId', 'brokerEpoch', 'incarnationId'],
    says: 'The active controller registers {brokerId} (broker epoch {brokerEpoch}).',
  },
  'broker-unfenced': {
    level: 'info',
    facts: ['brokerId', 'brokerEpoch'],
    says: 'The active controller unfences {brokerId}.',
  },
  'broker-fenced': {
    level: 'info',
    facts: ['brokerId', 'brokerEpoch'],
    says: 'The active controller fences {brokerId}.',
  },
  'broker-shutting-down': {
    level: 'info',
    facts: ['brokerId', 'brokerEpoch'],
    says: 'The active controller elects other leaders for the partitions of {brokerId}, because this broker wants to shut down.',
  },
  'broker-unregistered': {
    level: 'info',
    facts: ['brokerId'],
    says: 'The active controller removes the registration of {brokerId}.',
  },
  'broker-stream-left': {
    level: 'info',
    facts: ['brokerId'],
    says: 'The active controller does not fence {brokerId}, because the broker announced the end of its stream.',
  },
  'broker-session-closed': {
    level: 'info',
    facts: ['brokerId', 'reason'],
    says: 'The active controller loses the control stream of {brokerId}: {reason}.',
  },
  'broker-session-ended': {
    level: 'info',
    facts: ['epoch', 'brokerId', 'reason'],
    says: 'The active controller ends the session of {brokerId}: {reason}.',
  },
  'control-message-refused': {
    level: 'warn',
    facts: ['method', 'peer', 'error'],
    says: 'The controller refuses a message from {peer} to {method}, because it cannot read the message: {error}.',
  },
  'topic-created': {
    level: 'info',
    facts: ['topic', 'topicId', 'partitions'],
    says: 'The active controller creates the topic {topic} with {partitions} partitions.',
  },
  'topic-deleted': {
    level: 'info',
    facts: ['topic', 'topicId'],
    says: 'The active controller deletes the topic {topic}.',
  },
  'config-altered': {
    level: 'info',
    facts: ['resourceType', 'resource', 'config', 'from', 'to', 'clientId'],
    says: 'The active controller changes {config} of {resourceType} {resource} from {from} to {to} (null: not set), as the client {clientId} asks.',
  },
  'leader-elected': {
    level: 'debug',
    facts: ['topic', 'partition', 'leader', 'leaderEpoch', 'isr', 'previous', 'reason', 'kind'],
    says: 'The active controller elects {leader} as leader of {topic}-{partition} in epoch {leaderEpoch}.',
  },
  'leader-lost': {
    level: 'debug',
    facts: ['topic', 'partition', 'leader', 'leaderEpoch', 'isr', 'previous', 'reason'],
    says: 'The active controller finds no leader for {topic}-{partition} that could replace {previous}: {reason}.',
  },
  'leaders-elected': {
    level: 'info',
    facts: ['partitions', 'isr', 'elr', 'formerIsr', 'unclean'],
    says: 'The active controller elects leaders for {partitions} partitions.',
  },
  'partitions-without-leader': {
    level: 'warn',
    facts: ['partitions'],
    says: 'The active controller leaves {partitions} partitions with no leader.',
  },
} as const satisfies Record<string, EventDefinition>;
