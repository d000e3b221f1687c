/**
 * Thrown through production code to end its process in the middle of a turn, like kill -9. Never reaches a
 * checker.
 */
export class CrashSignal extends Error {
  override readonly name = 'CrashSignal';
}
