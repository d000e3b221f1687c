/**
 * Flags of Node for a process that runs many seeds. They change only how long the process takes for a run.
 *
 * A run allocates many objects that it needs only for a short time. With a larger young generation the
 * collector runs less often, and most of these objects are garbage by then. Most functions run too seldom for
 * the optimizing compilers. So each function gets the code of the baseline compiler (Sparkplug) at its first
 * call.
 */
export const SIMULATOR_FLAGS: readonly string[] = [
  '--always-sparkplug',
  '--max-semi-space-size=64',
  '--min-semi-space-size=64',
];
