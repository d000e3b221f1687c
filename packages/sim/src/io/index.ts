/** The simulator as a real process runs it: with the real codecs. Nothing else in this package touches the outside. */
export { type GuardedOptions, simulateGuarded } from './simulate-guarded.ts';
