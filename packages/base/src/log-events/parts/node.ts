/** Events of every node, whatever its roles. */
import type { EventDefinition } from './definition.ts';

export const nodeEvents = {
  'node-starting': {
    level: 'info',
    facts: ['roles', 'logDirectory'],
    says: 'The node starts with the roles {roles} and the folder {logDirectory}.',
  },
  'listener-bound': {
    level: 'info',
    facts: ['listener', 'host', 'port'],
    says: 'The node listens on {host}:{port} for {listener}.',
  },
  'node-ready': {
    level: 'info',
    facts: ['ports'],
    says: 'The node is ready.',
  },
  'node-stopping': {
    level: 'info',
    facts: ['clean'],
    says: 'The node begins to stop (clean stop: {clean}).',
  },
  'node-stopped': {
    level: 'info',
    facts: ['clean', 'wasReady'],
    says: 'The node has stopped (clean stop: {clean}).',
  },
  'node-failed': {
    level: 'error',
    facts: ['reason'],
    says: 'The node ends because of a failure: {reason}.',
  },
  'job-worker-not-started': {
    level: 'error',
    facts: ['reason'],
    says: 'The node cannot start a worker thread: {reason}.',
  },
  'job-worker-died': {
    level: 'error',
    facts: ['job', 'reason'],
    says: 'The node loses a worker thread that ran a job of the kind {job}: {reason}.',
  },
} as const satisfies Record<string, EventDefinition>;
