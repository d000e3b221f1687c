/** The settings of a log that the tests of this package use. A test may replace single settings. */
import type { LogConfig } from '@millrace/log';

const WEEK_MS = 604_800_000;
const DAY_MS = 86_400_000;
/** Decompressed bytes that the event loop may handle in one turn. */
const LOOP_WORK_MAX = 1024 * 1024;

export const logConfig: LogConfig = {
  segmentBytes: 1_073_741_824,
  segmentMs: WEEK_MS,
  segmentJitterMs: 0,
  preallocate: false,
  indexIntervalBytes: 4096,
  segmentIndexBytes: 10_485_760,
  flushMessages: Number.MAX_SAFE_INTEGER,
  producerIdExpirationMs: DAY_MS,
  maxMessageBytes: 1_048_588,
  isCompacted: false,
  deleteRetentionMs: 86_400_000,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deletesOldRecords: true,
  retentionMs: WEEK_MS,
  retentionBytes: -1,
  fileDeleteDelayMs: 60_000,
  compression: undefined,
  loopWorkMax: LOOP_WORK_MAX,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
};
