/** Repeats a report until Ctrl-C. */
import { ClientError } from '@millrace/client/io';
import { nextInterrupt } from '../interrupt.ts';
import { UserError } from '../user-error.ts';

/** Moves the cursor to the top left corner, and clears the screen from there. */
const CLEAR = '\u001b[H\u001b[J';

/**
 * Prints a report once, or every `seconds` until a signal. On a terminal each report replaces the last one;
 * elsewhere an empty line separates them. An error in the first report ends the command. Users watch a
 * cluster while brokers fail. So if a later report fails with a UserError or a ClientError, the command
 * prints the error and tries again.
 */
export async function watched(
  seconds: number | undefined,
  report: () => Promise<string>,
  stream: NodeJS.WriteStream = process.stdout,
  errors: NodeJS.WritableStream = process.stderr,
): Promise<void> {
  if (seconds === undefined) {
    stream.write(await report());
    return;
  }
  const interrupt = nextInterrupt();
  let isOver = false;
  void interrupt.came.then(() => {
    isOver = true;
  });
  try {
    for (let round = 0; !isOver; round++) {
      try {
        const text = await report();
        if (stream.isTTY) stream.write(`${CLEAR}${text}`);
        else stream.write(round === 0 ? text : `\n${text}`);
      } catch (error) {
        const isExpected = error instanceof UserError || error instanceof ClientError;
        if (round === 0 || !isExpected) throw error;
        errors.write(`${error.message}; trying again every ${seconds} s\n`);
      }
      let timer: NodeJS.Timeout | undefined;
      const pause = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, seconds * 1_000);
      });
      await Promise.race([pause, interrupt.came]);
      clearTimeout(timer);
    }
  } finally {
    interrupt.forget();
  }
}
