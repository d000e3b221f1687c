/**
 * The simulator throws it through the code of a node, to end the process in the middle of a turn, like kill
 * -9. It never reaches a checker.
 */
export class CrashSignal extends Error {
  override readonly name = 'CrashSignal';
}
