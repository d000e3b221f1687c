/** The pieces of a command's input, and how the input ended. */
export class Input {
  /** The error of the stream; undefined: it had none, or a signal ended it. */
  error: string | undefined;
  /** The stream has no more pieces. */
  isAtEnd = false;
  private readonly stream: AsyncIterable<Buffer>;

  constructor(stream: AsyncIterable<Buffer>) {
    this.stream = stream;
  }

  /** Ends also when the stream fails. An error of the code that takes the pieces is not caught here. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for await (const piece of this.stream) yield piece;
      this.isAtEnd = true;
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      // A signal destroys the input; what was read before is still produced.
      if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') this.error = String(error.code);
    }
  }
}
