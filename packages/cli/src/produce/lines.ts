/** Splits a stream of bytes at a delimiter, and makes a record of each piece. */
import type { NewRecord, RecordHeader } from '@millrace/protocol';
import { UserError } from '../user-error.ts';

export class Pieces {
  private readonly delimiter: Buffer;
  private rest: Buffer = Buffer.alloc(0);

  constructor(delimiter: Uint8Array) {
    this.delimiter = Buffer.from(delimiter);
  }

  /** Returns the pieces that this chunk completes. */
  push(chunk: Uint8Array): Buffer[] {
    const bytes = Buffer.concat([this.rest, chunk]);
    const pieces: Buffer[] = [];
    let from = 0;
    for (let at = bytes.indexOf(this.delimiter); at >= 0; at = bytes.indexOf(this.delimiter, from)) {
      pieces.push(bytes.subarray(from, at));
      from = at + this.delimiter.length;
    }
    this.rest = bytes.subarray(from);
    return pieces;
  }

  /** The bytes after the last delimiter, if there are any. */
  end(): Buffer[] {
    return this.rest.length === 0 ? [] : [this.rest];
  }
}

export interface RecordOptions {
  readonly key: string | undefined;
  readonly keyDelimiter: string | undefined;
  /** Whether an empty value becomes null. */
  readonly null: boolean | undefined;
  readonly headers: readonly RecordHeader[];
}

/** A piece without the key delimiter is a value without a key, as in kcat. */
export function recordOf(piece: Buffer, options: RecordOptions): NewRecord {
  const { keyDelimiter, headers } = options;
  const at = keyDelimiter === undefined ? -1 : piece.indexOf(keyDelimiter);
  const value = at < 0 ? piece : piece.subarray(at + Buffer.byteLength(keyDelimiter!));
  const fixed = options.key === undefined ? null : Buffer.from(options.key);
  const key = at < 0 ? fixed : piece.subarray(0, at);
  return { key, value: value.length === 0 && options.null ? null : value, headers };
}

export function parseHeader(text: string): RecordHeader {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UserError(`invalid header '${text}': expected name=value`);
  return { key: text.slice(0, equals), value: Buffer.from(text.slice(equals + 1)) };
}
