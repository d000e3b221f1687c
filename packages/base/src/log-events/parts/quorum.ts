/** Events of a voter of the metadata quorum. */
import type { EventDefinition } from './definition.ts';

export const quorumEvents = {
  'quorum-log-loaded': {
    level: 'info',
    facts: ['startOffset', 'snapshotEndOffset', 'endOffset', 'epoch'],
    says: 'The voter starts from its snapshot at {snapshotEndOffset} (0: no snapshot) and from its quorum log up to {endOffset}.',
  },
  'quorum-log-missing': {
    level: 'error',
    facts: ['clusterId', 'reason'],
    says: 'The voter of cluster {clusterId} starts with an empty quorum log: {reason}.',
  },
  'quorum-storage-failed': {
    level: 'error',
    facts: ['reason'],
    says: 'The voter cannot use its storage and ends the node: {reason}.',
  },
  'quorum-formed': {
    level: 'info',
    facts: ['epoch', 'clusterId', 'voters'],
    says: 'The voter forms the quorum of {voters} and becomes the quorum’s first leader.',
  },
  'election-started': {
    level: 'info',
    facts: ['epoch', 'logEndOffset'],
    says: 'The voter wants to lead the quorum in epoch {epoch} and asks for votes.',
  },
  'pre-vote-lost': {
    level: 'debug',
    facts: ['epoch', 'logEndOffset'],
    says: 'The voter starts no election after epoch {epoch}, because too few voters grant its pre-vote.',
  },
  'election-lost': {
    level: 'debug',
    facts: ['epoch', 'logEndOffset'],
    says: 'The voter loses the election of epoch {epoch}, because too few voters vote for it.',
  },
  'leader-elected': {
    level: 'info',
    facts: ['epoch', 'leaderId', 'logEndOffset'],
    says: 'The voter leads the quorum in epoch {epoch}.',
  },
  'leader-followed': {
    level: 'debug',
    facts: ['epoch', 'leaderId'],
    says: 'The voter follows the quorum’s leader {leaderId} in epoch {epoch}.',
  },
  'leader-timed-out': {
    level: 'info',
    facts: ['epoch', 'leaderId'],
    says: 'The voter gets no answer from the quorum’s leader {leaderId} within the fetch timeout.',
  },
  'leader-connection-lost': {
    level: 'info',
    facts: ['epoch', 'leaderId'],
    says: 'The voter loses the connection to the quorum’s leader {leaderId}.',
  },
  'leader-resigned': {
    level: 'info',
    facts: ['epoch', 'preferredSuccessors'],
    says: 'The voter resigns as the quorum’s leader of epoch {epoch}, because its node stops.',
  },
  'leadership-offered': {
    level: 'debug',
    facts: ['epoch', 'leaderId', 'position'],
    says: 'The voter learns that the leader {leaderId} stops, and has position {position} in the leader’s list of successors (-1: not in the list).',
  },
  'quorum-lost': {
    level: 'warn',
    facts: ['epoch', 'reason'],
    says: 'The voter gives up leading the quorum: {reason}.',
  },
  'quorum-log-truncated': {
    level: 'warn',
    facts: ['epoch', 'fromOffset', 'toOffset'],
    says: 'The voter truncates its quorum log from end offset {fromOffset} to end offset {toOffset}, because the leader lacks the rest.',
  },
  'cluster-id-mismatched': {
    level: 'error',
    facts: ['epoch', 'peerId', 'clusterId'],
    says: 'The voter of cluster {clusterId} finds that {peerId} belongs to another cluster.',
  },
  'fetch-answer-malformed': {
    level: 'error',
    facts: ['epoch', 'leaderId'],
    says: 'The voter drops an answer of the quorum’s leader {leaderId}, because the answer does not continue the voter’s log.',
  },
  'snapshot-written': {
    level: 'info',
    facts: ['epoch', 'endOffset', 'parts', 'bytes'],
    says: 'The voter has written a snapshot of the metadata at {endOffset} ({bytes} bytes).',
  },
  'quorum-log-trimmed': {
    level: 'info',
    facts: ['epoch', 'fromOffset', 'toOffset'],
    says: 'The voter deletes its quorum log from {fromOffset} to {toOffset}, because durable snapshots hold that part.',
  },
  'snapshot-loaded': {
    level: 'info',
    facts: ['epoch', 'endOffset', 'parts', 'bytes'],
    says: 'The voter has loaded the leader’s snapshot of the metadata at {endOffset} ({bytes} bytes), and has replaced its quorum log by this snapshot.',
  },
  'snapshot-damaged': {
    level: 'error',
    facts: ['reason'],
    says: 'The voter finds a damaged snapshot and starts without it: {reason}.',
  },
  'snapshot-requested': {
    level: 'info',
    facts: ['epoch', 'leaderId', 'endOffset'],
    says: 'The voter loads the snapshot at {endOffset} from the quorum’s leader {leaderId}, because the leader’s log no longer has the records that the voter needs next.',
  },
  'snapshot-rejected': {
    level: 'error',
    facts: ['epoch', 'leaderId', 'endOffset', 'reason'],
    says: 'The voter drops the snapshot at {endOffset} that it loaded from the quorum’s leader {leaderId}: {reason}.',
  },
  'voter-storage-replaced': {
    level: 'error',
    facts: ['epoch', 'nodeId', 'reason'],
    says: 'The voter {nodeId} may not vote: {reason}.',
  },
} as const satisfies Record<string, EventDefinition>;
