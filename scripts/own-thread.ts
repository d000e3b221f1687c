/**
 * The test files that need a thread of their own: only they may replace modules or write to `process.env`.
 * All other files of a project (vitest.config.ts) share two threads.
 */
export const OWN_THREAD: readonly string[] = [
  'packages/node/test/io/health.test.ts', // replaces a module
  'packages/sim/test/io/outside.test.ts', // forbids the global functions of its thread
];
