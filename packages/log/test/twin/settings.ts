/** Random settings of a log: small segments, sparse indexes, and all cleanup policies. */
import type { Prng } from '@millrace/base';
import type { LogConfig } from '../../src/index.ts';
import { config } from '../support/logs.ts';

/** How long tombstones stay: the same in all settings, because a tombstone keeps its horizon. */
export const DELETE_RETENTION_MS = 1000;
export const RETENTION_MS = 2000;

export function configOf(random: Prng, isCompactable: boolean): LogConfig {
  const isCompacted = isCompactable && random.below(4) > 0;
  return config({
    // The largest batch has a little less than 550 bytes.
    segmentBytes: 550 + random.below(isCompacted ? 100 : 1200),
    segmentMs: random.below(4) === 0 ? 300 : 604_800_000,
    preallocate: random.below(5) === 0,
    indexIntervalBytes: 50 + random.below(300),
    segmentIndexBytes: random.below(3) === 0 ? 48 : 10_000,
    isCompacted,
    deleteRetentionMs: DELETE_RETENTION_MS,
    deletesOldRecords: !isCompacted || random.below(2) === 0,
    retentionMs: random.below(3) === 0 ? -1 : RETENTION_MS,
    retentionBytes: random.below(4) === 0 ? 2000 + random.below(3000) : -1,
    timestampType: random.below(5) === 0 ? 'LogAppendTime' : 'CreateTime',
  });
}
