/** The settings under which the tests of this package run, unless a test gives others. */
import type { QuorumConfig } from '../../src/index.ts';

export const quorumConfig: QuorumConfig = {
  fetchTimeoutMs: 1000,
  electionTimeoutMs: 300,
  retryBackoffMs: 20,
  fetchMaxWaitMs: 400,
  fetchMaxBytes: 1_048_576,
};
