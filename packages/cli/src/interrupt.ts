/** The wish of the person at the keyboard that a command ends: Ctrl-C, or another signal that asks for it. */

/** What a shell says of a command that was interrupted before it had done its work. */
export const INTERRUPTED = 130;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupt {
  readonly came: Promise<void>;
  /** From now on such a signal ends the process again. */
  forget(): void;
}

/**
 * A waiting signal handler does not keep a process alive, so a timer does until one came or it is forgotten.
 */
export function nextInterrupt(): Interrupt {
  const { promise, resolve } = Promise.withResolvers<void>();
  const awake = setInterval(() => {}, 60_000);
  const stop = () => {
    clearInterval(awake);
    resolve();
  };
  for (const name of SIGNALS) process.on(name, stop);
  const forget = () => {
    clearInterval(awake);
    for (const name of SIGNALS) process.off(name, stop);
  };
  return { came: promise, forget };
}
