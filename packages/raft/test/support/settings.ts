/** The settings that the tests of this package use. A test may replace single settings. */
import type { QuorumConfig } from '../../src/index.ts';

export const quorumConfig: QuorumConfig = {
  fetchTimeoutMs: 1000,
  electionTimeoutMs: 300,
  retryBackoffMs: 20,
  fetchMaxWaitMs: 400,
  fetchMaxBytes: 1_048_576,
  commitMaxBytes: 131_072,
};
