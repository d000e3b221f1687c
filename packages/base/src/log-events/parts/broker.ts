/** Events of a broker's front end, and of its session with the controller. */
import type { EventDefinition } from './definition.ts';

export const sessionEvents = {
  'broker-registered': {
    level: 'info',
    facts: ['brokerEpoch'],
    says: 'The broker is registered with broker epoch {brokerEpoch}.',
  },
  'broker-unfenced': {
    level: 'info',
    facts: ['brokerEpoch'],
    says: 'The broker learns that it is unfenced.',
  },
  'broker-fenced': {
    level: 'warn',
    facts: ['brokerEpoch'],
    says: 'The broker learns that it is fenced.',
  },
  'registration-refused': {
    level: 'warn',
    facts: ['error', 'detail'],
    says: 'The broker cannot register, because the controller refuses it: {error}.',
  },
  'broker-registration-lost': {
    level: 'warn',
    facts: ['brokerEpoch', 'error'],
    says: 'The broker registers again, because its broker epoch {brokerEpoch} is no longer valid: {error}.',
  },
  'heartbeat-refused': {
    level: 'warn',
    facts: ['error'],
    says: 'The broker gets an error as the answer to its heartbeat: {error}.',
  },
  'control-stream-lost': {
    level: 'info',
    facts: ['controllerId', 'reason'],
    says: 'The broker loses its control stream to {controllerId}: {reason}.',
  },
  'controller-call-failed': {
    level: 'debug',
    facts: ['method', 'controllerId', 'error'],
    says: 'The broker gets no answer from {controllerId} to {method} and asks another controller: {error}.',
  },
  'controller-answer-unreadable': {
    level: 'error',
    facts: ['method', 'error'],
    says: 'The broker cannot read the answer to {method}: {error}.',
  },
  'producer-id-block-refused': {
    level: 'warn',
    facts: ['error'],
    says: 'The broker gets no block of producer ids from the controller: {error}.',
  },
  'metadata-snapshot-requested': {
    level: 'info',
    facts: ['from', 'endOffset'],
    says: 'The broker loads the snapshot of the metadata at {endOffset} from {from}, because the log of {from} no longer has the records that the broker needs next.',
  },
  'metadata-snapshot-loaded': {
    level: 'info',
    facts: ['from', 'endOffset', 'parts', 'bytes'],
    says: 'The broker has loaded the snapshot of the metadata at {endOffset} ({bytes} bytes) from {from}.',
  },
  'metadata-snapshot-rejected': {
    level: 'error',
    facts: ['from', 'endOffset', 'reason'],
    says: 'The broker drops the snapshot of the metadata at {endOffset} that it loaded from {from}: {reason}.',
  },
  'metadata-log-diverged': {
    level: 'error',
    facts: ['from', 'errorCode', 'endOffset'],
    says: 'The broker asks another controller, because the log of {from} lacks metadata below {endOffset} that the broker has.',
  },
  'broker-relieved': {
    level: 'info',
    facts: ['moved'],
    says: 'The broker ends its controlled shutdown (all leaderships moved to other brokers: {moved}).',
  },
} as const satisfies Record<string, EventDefinition>;

export const clientEvents = {
  'connection-refused': {
    level: 'warn',
    facts: ['listener', 'remoteAddress', 'reason', 'suppressed?'],
    says: 'The broker closes a new connection from {remoteAddress} at once: {reason}.',
  },
  'connection-closed': {
    level: ['info', 'warn'],
    facts: [
      'listener',
      'remoteAddress',
      'reason',
      'api?',
      'apiKey?',
      'apiVersion?',
      'clientId?',
      'detail?',
      'heldBytes?',
      'idleMs?',
      'suppressed?',
    ],
    says: 'The broker closes the connection of {remoteAddress}: {reason}.',
  },
  'connection-ended': {
    level: 'debug',
    facts: ['listener', 'remoteAddress', 'reason', 'suppressed?'],
    says: 'The broker sees that {remoteAddress} closed the connection: {reason}.',
  },
  'memory-budget-exhausted': {
    level: 'warn',
    facts: ['heldBytes', 'maxBytes', 'suppressed?'],
    says: 'The broker stops reading a connection for lack of memory: requests and answers hold {heldBytes} bytes, and the limit is {maxBytes}.',
  },
  'memory-budget-crowded': {
    level: 'info',
    facts: ['decodedBytes', 'maxBytes', 'suppressed?'],
    says: 'The broker lets a large request wait until other requests end: decoded requests hold {decodedBytes} bytes, more than a quarter of the limit of {maxBytes}.',
  },
  'topic-auto-created': {
    level: 'info',
    facts: ['topic'],
    says: 'The broker creates the topic {topic} through the controller, because a client asked for it.',
  },
  'internal-topic-few-replicas': {
    level: 'warn',
    facts: ['topic', 'replicas', 'advised'],
    says: 'The broker creates {topic} with {replicas} replicas instead of {advised}, because the cluster has fewer brokers; the topic gets no more replicas when brokers join later.',
  },
  'log-level-altered': {
    level: 'warn',
    facts: ['logger', 'from', 'to', 'clientId'],
    says: 'The broker changes the level of the logger {logger} from {from} to {to}, as the client {clientId} asks.',
  },
  'auto-topic-creation-failed': {
    level: 'warn',
    facts: ['topics', 'error', 'detail?'],
    says: 'The broker cannot create the topics {topics} through the controller: {error}.',
  },
} as const satisfies Record<string, EventDefinition>;
