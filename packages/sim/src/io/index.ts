/** The entry to the simulator for commands and tests. Nothing else in `src` touches the outside. */
export { SIMULATOR_FLAGS } from './node-flags.ts';
export { type Guarded, guarded, OutsideError } from './outside.ts';
export { simulateGuarded } from './simulate-guarded.ts';
