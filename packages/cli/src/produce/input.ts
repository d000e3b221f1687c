/** The pieces of a command's input, and how the input ended. */
export class Input {
  /** The error of the stream; undefined: the stream had none, or a signal ended it. */
  error: string | undefined;
  /** The stream has no more pieces. */
  isAtEnd = false;
  private readonly stream: AsyncIterable<Buffer>;

  constructor(stream: AsyncIterable<Buffer>) {
    this.stream = stream;
  }

  /**
   * Yields the pieces. If the stream fails, it ends the pieces and keeps the error in `error`. It does not
   * catch an error in the caller's loop.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for await (const piece of this.stream) yield piece;
      this.isAtEnd = true;
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      // A signal makes the command destroy the stream, which causes this code. It is no error of the input:
      // the command still produces what it has read before.
      if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') this.error = String(error.code);
    }
  }
}
