/** The simulator as commands and tests run it. Nothing else in this package touches the outside. */
export { type Guarded, guarded, OutsideError } from './outside.ts';
export { type GuardedOptions, simulateGuarded } from './simulate-guarded.ts';
