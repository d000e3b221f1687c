/** The user's request to end a command: Ctrl-C, or another signal. */

/** The exit code of an interrupted command, as shells set it. */
export const INTERRUPTED = 130;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupt {
  readonly came: Promise<void>;
  /** Stops waiting for a signal. A signal then ends the process, as it does by default. */
  forget(): void;
}

/**
 * Waits for the next signal. A signal handler does not keep the process alive, so a timer does this until a
 * signal arrives or the caller calls `forget`.
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
