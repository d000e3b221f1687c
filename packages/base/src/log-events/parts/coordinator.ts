/** Events of the coordinators: loading the partitions of an internal topic, and appending to them. */
import type { EventDefinition } from './definition.ts';

export const coordinatorEvents = {
  'coordinator-loaded': {
    level: 'info',
    facts: ['topic', 'partition', 'leaderEpoch', 'records', 'endOffset', 'durationMs'],
    says: 'The broker loads {records} records of {topic}-{partition} up to {endOffset} and now coordinates.',
  },
  'coordinator-load-retried': {
    level: 'warn',
    facts: ['topic', 'partition', 'leaderEpoch', 'errorCode', 'delayMs'],
    says: 'The broker cannot read {topic}-{partition} (error {errorCode}) and loads it again in {delayMs} ms.',
  },
  'coordinator-load-failed': {
    level: 'error',
    facts: ['topic', 'partition', 'leaderEpoch', 'offset', 'reason'],
    says: 'The broker cannot decode {topic}-{partition} at {offset} and coordinates nothing of it: {reason}.',
  },
  'coordinator-append-refused': {
    level: 'warn',
    facts: ['topic', 'partition', 'leaderEpoch', 'errorCode', 'decisions', 'delayMs'],
    says: 'The broker drops {decisions} decisions that {topic}-{partition} refuses (error {errorCode}), and loads it again in {delayMs} ms.',
  },
  'coordinator-ended': {
    level: 'debug',
    facts: ['topic', 'partition', 'leaderEpoch', 'waiting'],
    says: 'The broker no longer coordinates {topic}-{partition}; {waiting} answers waited for a commit.',
  },
} as const satisfies Record<string, EventDefinition>;
