/** Events of the coordinators: a coordinator loads a partition of an internal topic, or appends to it. */
import type { EventDefinition } from './definition.ts';

export const coordinatorEvents = {
  'coordinator-loaded': {
    level: 'info',
    facts: ['topic', 'partition', 'leaderEpoch', 'records', 'endOffset', 'durationMs'],
    says: 'The broker has loaded {records} records of {topic}-{partition}, up to {endOffset}, and now coordinates this partition.',
  },
  'coordinator-load-retried': {
    level: 'warn',
    facts: ['topic', 'partition', 'leaderEpoch', 'errorCode', 'delayMs'],
    says: 'The broker cannot read {topic}-{partition} (error {errorCode}) and tries again in {delayMs} ms.',
  },
  'coordinator-load-failed': {
    level: 'error',
    facts: ['topic', 'partition', 'leaderEpoch', 'offset', 'reason'],
    says: 'The broker cannot decode {topic}-{partition} at {offset} and does not coordinate this partition: {reason}.',
  },
  'coordinator-append-refused': {
    level: 'warn',
    facts: ['topic', 'partition', 'leaderEpoch', 'errorCode', 'decisions', 'delayMs'],
    says: 'The broker drops {decisions} decisions, because the log of {topic}-{partition} refuses their records (error {errorCode}), and loads the partition again in {delayMs} ms.',
  },
  'coordinator-ended': {
    level: 'debug',
    facts: ['topic', 'partition', 'leaderEpoch', 'waiting'],
    says: 'The broker no longer coordinates {topic}-{partition}; {waiting} answers waited for a commit.',
  },
} as const satisfies Record<string, EventDefinition>;
