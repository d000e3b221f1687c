/**
 * The simulator throws this signal through the code of a node. It ends the process in the middle of a turn,
 * as kill -9 does. It never reaches a checker.
 */
export class CrashSignal extends Error {
  override readonly name = 'CrashSignal';
}
