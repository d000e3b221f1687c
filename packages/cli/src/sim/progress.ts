/**
 * Prints the progress of many runs to stderr: on a terminal it rewrites one line, elsewhere it prints a line
 * every ten seconds.
 */

const TERMINAL_MS = 500;
const ELSEWHERE_MS = 10_000;
const CLEAR_LINE = '\r\u001b[K';

export class Progress {
  private readonly text: () => string;
  private readonly timer: NodeJS.Timeout;
  private readonly isTerminal = process.stderr.isTTY;

  constructor(text: () => string) {
    this.text = text;
    this.timer = setInterval(() => this.show(), this.isTerminal ? TERMINAL_MS : ELSEWHERE_MS);
  }

  /** Prints a line that stays. */
  say(line: string): void {
    process.stderr.write(`${this.isTerminal ? CLEAR_LINE : ''}${line}\n`);
    if (this.isTerminal) this.show();
  }

  end(): void {
    clearInterval(this.timer);
    if (this.isTerminal) process.stderr.write(CLEAR_LINE);
  }

  private show(): void {
    process.stderr.write(this.isTerminal ? `${CLEAR_LINE}${this.text()}` : `${this.text()}\n`);
  }
}
