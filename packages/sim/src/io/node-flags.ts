/**
 * Flags of Node for a process that runs many seeds. They change how long the process takes for a run, and
 * nothing else.
 *
 * A run makes much short-lived garbage. In a larger young generation the garbage dies before the collector
 * looks at it. And most functions run too seldom for the optimizing compilers, so each function gets the code
 * of the baseline compiler at its first call.
 */
export const SIMULATOR_FLAGS: readonly string[] = [
  '--always-sparkplug',
  '--max-semi-space-size=64',
  '--min-semi-space-size=64',
];
