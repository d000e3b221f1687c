/**
 * Writes the history of a run to a file, one JSON object a line. Clients add lines without waiting. The
 * writer keeps the lines of a moment in memory and writes them together, in the order in which they came.
 *
 * A line that could not be written makes the run worthless. So the first error of the disk stays, and `flush`
 * and `close` reject with it.
 */
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import type { HistoryLine } from '../types.ts';

/** The writer passes its lines to the file when they have this many characters together, or soon after. */
const BUFFER_CHARS = 1 << 18;
const WRITE_AFTER_MS = 50;
/** Above this, clients should wait (`room`). */
const WAITING_BYTES_MAX = 16 << 20;

export class HistoryWriter {
  private readonly stream: WriteStream;
  private pending: string[] = [];
  private pendingChars = 0;
  private timer: NodeJS.Timeout | undefined;
  private error: Error | undefined;
  private isClosing = false;

  constructor(file: string) {
    this.stream = createWriteStream(file, { flags: 'wx', highWaterMark: BUFFER_CHARS });
    this.stream.on('error', (error) => {
      this.error ??= error;
    });
  }

  /** Why no further line reaches the file. Undefined: the file is good. */
  get failure(): Error | undefined {
    return this.error;
  }

  /** Whether the file lags so far behind that clients should wait for `room`. */
  get isFull(): boolean {
    return this.pendingChars + this.stream.writableLength > WAITING_BYTES_MAX;
  }

  /** Adds a line. Throws after `close`, because the file would lack the line. */
  add(line: HistoryLine): void {
    if (this.isClosing) throw new Error(`the history is closed, and cannot take a line '${line.line}'`);
    const text = `${JSON.stringify(line)}\n`;
    this.pending.push(text);
    this.pendingChars += text.length;
    if (this.pendingChars >= BUFFER_CHARS) this.pass();
    else this.timer ??= setTimeout(() => this.pass(), WRITE_AFTER_MS);
  }

  /** Resolves when the file has caught up enough. Rejects if the file cannot be written. */
  async room(): Promise<void> {
    if (this.isFull) await this.flush();
  }

  /** Resolves when every line added so far is in the file. Rejects if one of them could not be written. */
  async flush(): Promise<void> {
    this.pass();
    if (this.error === undefined)
      await new Promise<void>((done) => {
        // After an error the stream may never call back, but it always closes.
        this.stream.once('close', done);
        this.stream.write('', () => {
          this.stream.off('close', done);
          done();
        });
      });
    if (this.error !== undefined) throw this.error;
  }

  /** Writes what is left and closes the file. Rejects if a line could not be written. May be called twice. */
  async close(): Promise<void> {
    this.isClosing = true;
    this.pass();
    this.stream.end();
    if (!this.stream.closed) await once(this.stream, 'close').catch(() => undefined);
    if (this.error !== undefined) throw this.error;
  }

  private pass(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.pending.length === 0) return;
    const text = this.pending.join('');
    this.pending = [];
    this.pendingChars = 0;
    if (this.error === undefined) this.stream.write(text);
  }
}
