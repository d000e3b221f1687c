/** Events of a broker's replicas: their roles, and what happens to their logs. */
import type { EventDefinition } from './definition.ts';

export const replicaEvents = {
  'became-leader': {
    level: 'info',
    facts: ['topic', 'partition', 'leaderEpoch', 'leader', 'isr', 'endOffset', 'highWatermark'],
    says: 'The broker leads {topic}-{partition} in epoch {leaderEpoch} from offset {endOffset} with the ISR {isr}.',
  },
  'became-follower': {
    level: 'debug',
    facts: ['topic', 'partition', 'leaderEpoch', 'leader', 'isr', 'endOffset', 'highWatermark'],
    says: 'The broker follows {leader} for {topic}-{partition} in epoch {leaderEpoch} from offset {endOffset}.',
  },
  'isr-change-proposed': {
    level: 'debug',
    facts: ['topic', 'partition', 'leaderEpoch', 'kind', 'from', 'to'],
    says: 'The broker asks the controller to change the ISR of {topic}-{partition}: {from} → {to}.',
  },
  'isr-changed': {
    level: 'info',
    facts: ['topic', 'partition', 'leaderEpoch', 'from', 'to', 'startOffset', 'joinedAt?'],
    says: 'The leader changes the ISR of {topic}-{partition}: {from} → {to}.',
  },
  'leader-lost-while-checking': {
    level: 'debug',
    facts: ['topic', 'partition', 'leaderEpoch'],
    says: 'The broker drops a batch, because its leadership of {topic}-{partition} ended while a job checked the batch.',
  },
  'job-failed': {
    level: 'error',
    facts: ['topic', 'partition', 'leaderEpoch', 'reason'],
    says: 'The leader cannot check a batch for {topic}-{partition}: {reason}.',
  },
  'fetcher-disconnected': {
    level: 'info',
    facts: ['leader', 'reason'],
    says: 'The follower loses its connection to {leader}: {reason}.',
  },
  'fetch-session-refused': {
    level: 'debug',
    facts: ['leader', 'error'],
    says: 'The follower cannot use its fetch session, because the leader {leader} refuses the session: {error}.',
  },
  'replica-fetch-refused': {
    level: 'debug',
    facts: ['topic', 'partition', 'leaderEpoch', 'leader', 'error'],
    says: 'The follower cannot fetch {topic}-{partition}, because the leader {leader} refuses the fetch: {error}.',
  },
  'leader-without-listener': {
    level: 'error',
    facts: ['leader'],
    says: 'The follower cannot fetch from {leader}, because the metadata have no address of {leader}.',
  },
  'follower-append-failed': {
    level: 'error',
    facts: ['topic', 'partition', 'leaderEpoch', 'errorCode', 'reason'],
    says: 'The follower cannot append a batch of its leader to {topic}-{partition}: {reason}.',
  },
  'replica-truncated': {
    level: 'info',
    facts: ['topic', 'partition', 'leaderEpoch', 'from', 'to', 'reason'],
    says: 'The follower truncates {topic}-{partition} from end offset {from} to end offset {to} (epoch {leaderEpoch}): {reason}.',
  },
  'replica-restarted': {
    level: 'warn',
    facts: ['topic', 'partition', 'leaderEpoch', 'from', 'to', 'reason'],
    says: 'The follower deletes its log of {topic}-{partition}, which ended at {from}, and starts a new log at {to}: {reason}.',
  },
  'truncated-below-high-watermark': {
    level: 'error',
    facts: ['topic', 'partition', 'leaderEpoch', 'leader', 'highWatermark', 'to'],
    says: 'The follower truncates {topic}-{partition} to end offset {to}, below its high watermark {highWatermark}.',
  },
  'replica-damaged': {
    level: 'error',
    facts: ['topic', 'partition', 'leaderEpoch', 'reason', 'isr'],
    says: 'The broker finds its replica of {topic}-{partition} damaged: {reason}.',
  },
  'partition-offline': {
    level: 'error',
    facts: ['topic', 'partition', 'leaderEpoch', 'reason'],
    says: 'The broker takes its replica of {topic}-{partition} offline: {reason}.',
  },
  'log-cleaned': {
    level: 'info',
    facts: [
      'topic',
      'partition',
      'leaderEpoch',
      'from',
      'to',
      'bytesRead',
      'bytesWritten',
      'recordsDropped',
      'durationMs',
    ],
    says: 'The broker compacts {topic}-{partition} up to {to} and drops {recordsDropped} records: in {durationMs} ms it reads {bytesRead} bytes and writes {bytesWritten}.',
  },
  'log-cleaning-failed': {
    level: 'warn',
    facts: ['topic', 'partition', 'leaderEpoch', 'reason'],
    says: 'The broker cannot compact {topic}-{partition} and retries later: {reason}.',
  },
  'cleaner-memory-limited': {
    level: 'warn',
    facts: ['dedupeBufferBytes', 'cleaningsMax', 'bytesPerCleaning'],
    says: 'The broker uses {bytesPerCleaning} bytes for the keys of a cleaning, and ignores the rest of log.cleaner.dedupe.buffer.size.',
  },
  'log-uncleanable': {
    level: 'error',
    facts: ['topic', 'partition', 'leaderEpoch', 'reason'],
    says: 'The broker stops compacting {topic}-{partition}: {reason}.',
  },
  'replica-deleted': {
    level: 'info',
    facts: ['topic', 'partition', 'topicId'],
    says: 'The broker deletes its replica of {topic}-{partition}.',
  },
  'stray-replica-deleted': {
    level: 'warn',
    facts: ['topic', 'partition', 'topicId'],
    says: 'The broker deletes the folder of {topic}-{partition}, because its topic was deleted.',
  },
  'log-without-topic-id-kept': {
    level: 'warn',
    facts: ['topic', 'partition', 'topicId', 'folder'],
    says: 'The broker keeps in {folder} a log of {topic}-{partition} that lost its topic id in a power loss.',
  },
  'stray-replica-kept': {
    level: 'warn',
    facts: ['topic', 'partition', 'topicId', 'folder'],
    says: 'The broker keeps the log of {topic}-{partition} in the folder {folder}, because the metadata do not have its topic.',
  },
  'folder-without-topic-id-kept': {
    level: 'warn',
    facts: ['topic', 'partition', 'folder'],
    says: 'The broker keeps in {folder} a folder named {topic}-{partition} without a topic id, because it does not host this partition.',
  },
  'stray-replicas-found': {
    level: 'warn',
    facts: ['count', 'first'],
    says: 'The broker finds {count} folders of topics that the metadata do not have, for example {first}.',
  },
  'logs-opening': {
    level: 'info',
    facts: ['open', 'total'],
    says: 'The broker has opened {open} of the {total} logs that it found at start.',
  },
  'logs-opened': {
    level: 'info',
    facts: ['total', 'tookMs'],
    says: 'The broker has opened the {total} logs that it found at start, in {tookMs} ms.',
  },
  'log-open-failed': {
    level: 'error',
    facts: ['topic', 'partition', 'topicId', 'reason'],
    says: 'The broker cannot open the log of {topic}-{partition}: {reason}.',
  },
  'log-list-failed': {
    level: 'error',
    facts: ['reason'],
    says: 'The broker cannot list its log directory and retries later: {reason}.',
  },
  'log-delete-failed': {
    level: 'error',
    facts: ['reason'],
    says: 'The broker cannot delete a log and retries later: {reason}.',
  },
  'checkpoint-failed': {
    level: 'error',
    facts: ['directory', 'reason'],
    says: 'The broker cannot write its checkpoints and retries later: {reason}.',
  },
  'disk-space-low': {
    level: 'warn',
    facts: ['directory', 'usableBytes', 'minFreeBytes'],
    says: 'The broker refuses produce requests: {directory} has {usableBytes} bytes free, less than {minFreeBytes}.',
  },
  'disk-space-critical': {
    level: 'error',
    facts: ['directory', 'usableBytes', 'minFreeBytes'],
    says: 'The broker refuses commits of groups, too: {directory} has {usableBytes} bytes free, less than half of {minFreeBytes}.',
  },
  'disk-space-recovered': {
    level: 'info',
    facts: ['directory', 'usableBytes'],
    says: 'The broker accepts produce requests again: {directory} has {usableBytes} bytes free.',
  },
  'log-directory-probe-failed': {
    level: 'error',
    facts: ['failures', 'reason'],
    says: 'The broker cannot write a file in its log directory ({failures} times in a row): {reason}.',
  },
} as const satisfies Record<string, EventDefinition>;

export const logEvents = {
  'log-truncated': {
    level: 'info',
    facts: ['topic?', 'partition?', 'directory', 'endOffset', 'oldEndOffset', 'startOffset?'],
    says: 'The broker truncates the log of {topic}-{partition} from end offset {oldEndOffset} to end offset {endOffset}.',
  },
  'log-cut': {
    level: 'warn',
    facts: ['topic?', 'partition?', 'directory', 'reason', 'endOffset', 'bytesLost'],
    says: 'The broker recovers {topic}-{partition} up to {endOffset}, and cuts off {bytesLost} bytes after it: {reason}.',
  },
  'log-segments-dropped': {
    level: 'warn',
    facts: ['topic?', 'partition?', 'directory', 'reason', 'endOffset', 'segmentsLost'],
    says: 'The broker drops {segmentsLost} segments of {topic}-{partition} after {endOffset}: {reason}.',
  },
  'log-restarted': {
    level: 'warn',
    facts: ['topic?', 'partition?', 'directory', 'startOffset', 'endOffset'],
    says: 'The broker empties the log of {topic}-{partition}, because the log ends at {endOffset}, below its start offset {startOffset}.',
  },
  'log-swap-completed': {
    level: 'info',
    facts: ['topic?', 'partition?', 'directory', 'baseOffset', 'segmentsReplaced'],
    says: 'The broker completes an interrupted cleaning of {topic}-{partition}: the segment {baseOffset} replaces {segmentsReplaced} old segments.',
  },
  'log-records-expired': {
    level: 'info',
    facts: ['topic?', 'partition?', 'directory', 'from', 'to', 'bySize', 'byTime'],
    says: 'The broker raises the log start offset of {topic}-{partition} from {from} to {to}: {bySize} segments expired by size, and {byTime} by time.',
  },
  'records-deleted': {
    level: 'info',
    facts: ['topic', 'partition', 'leaderEpoch', 'from', 'to', 'clientId'],
    says: 'The leader deletes the records of {topic}-{partition} from {from} up to {to}, as the client {clientId} asks.',
  },
  'log-segment-removed': {
    level: 'info',
    facts: ['topic?', 'partition?', 'directory', 'baseOffset', 'sizeBytes'],
    says: 'The broker removes the segment {baseOffset} ({sizeBytes} bytes) of {topic}-{partition}.',
  },
  'segment-removal-failed': {
    level: 'error',
    facts: ['topic?', 'partition?', 'directory', 'reason'],
    says: 'The broker cannot remove an expired segment of {topic}-{partition} and retries later: {reason}.',
  },
  'log-went-offline': {
    level: 'error',
    facts: ['topic?', 'partition?', 'directory', 'reason'],
    says: 'The broker takes the log of {topic}-{partition} offline: {reason}.',
  },
  'log-write-failed': {
    level: 'error',
    facts: ['topic?', 'partition?', 'directory', 'code', 'reason'],
    says: 'The broker cannot write {topic}-{partition}: {reason}.',
  },
  'log-read-failed': {
    level: 'error',
    facts: ['topic?', 'partition?', 'directory', 'reason', 'offset?'],
    says: 'The broker cannot read {topic}-{partition}: {reason}.',
  },
  'open-files-exhausted': {
    level: 'error',
    facts: ['refused', 'openFiles'],
    says: 'The broker could not open files of its logs, because the process or the system has no file descriptor left ({refused} times since the last such event).',
  },
  'checkpoint-damaged': {
    level: 'warn',
    facts: ['directory', 'file'],
    says: 'The broker does not use the file {file} of its log directory, because the file is damaged.',
  },
  'clean-shutdown-failed': {
    level: 'error',
    facts: ['directory', 'reason'],
    says: 'The broker cannot write the marker of a clean shutdown: {reason}.',
  },
} as const satisfies Record<string, EventDefinition>;
