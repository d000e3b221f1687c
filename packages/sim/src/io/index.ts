/**
 * The entry to the simulator for commands and tests. In `src`, only the code of this folder (`io/`) touches
 * the outside.
 */
export { SIMULATOR_FLAGS } from './node-flags.ts';
export { type Guarded, guarded, OutsideError } from './outside.ts';
export { simulateGuarded } from './simulate-guarded.ts';
