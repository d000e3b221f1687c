/** Repeats a report until Ctrl-C. */
import { nextInterrupt } from '../interrupt.ts';

/** Moves the cursor to the top left corner, and clears the screen from there. */
const CLEAR = '\u001b[H\u001b[J';

/**
 * Prints a report once, or every `seconds` until a signal. On a terminal each report replaces the last one;
 * elsewhere an empty line separates them.
 */
export async function watched(
  seconds: number | undefined,
  report: () => Promise<string>,
  stream: NodeJS.WriteStream = process.stdout,
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
      const text = await report();
      if (stream.isTTY) stream.write(`${CLEAR}${text}`);
      else stream.write(round === 0 ? text : `\n${text}`);
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
