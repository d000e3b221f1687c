/**
 * The files in which the tests and the client programs exchange records. A file has one record after the
 * other. All integers are big-endian:
 *
 *   int64 offset (only in files of records read back), int64 timestamp, bytes key, bytes value,
 *   int32 number of headers, each: bytes name, bytes value;   bytes = int32 length (-1: null) and the bytes
 */

export interface TestHeader {
  readonly name: string;
  readonly value: Buffer | null;
}

export interface TestRecord {
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly TestHeader[];
}

export interface ReadRecord extends TestRecord {
  readonly offset: number;
}

export function encodeRecord(record: TestRecord): Buffer {
  return Buffer.concat(recordParts(record));
}

export function encodeReadRecord(record: ReadRecord): Buffer {
  return Buffer.concat([int64(record.offset), ...recordParts(record)]);
}

function recordParts(record: TestRecord): Buffer[] {
  const parts = [int64(record.timestamp), ...field(record.key), ...field(record.value)];
  parts.push(int32(record.headers.length));
  for (const header of record.headers) parts.push(...field(Buffer.from(header.name)), ...field(header.value));
  return parts;
}

/** Decodes the records of a file. The byte fields of the records are views of `bytes`. */
export function* decodeRecords(bytes: Buffer): Generator<TestRecord> {
  const cursor = new Cursor(bytes);
  while (!cursor.atEnd) yield cursor.record();
}

export function* decodeReadRecords(bytes: Buffer): Generator<ReadRecord> {
  const cursor = new Cursor(bytes);
  while (!cursor.atEnd) yield { offset: cursor.int64(), ...cursor.record() };
}

class Cursor {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  int64(): number {
    this.#position += 8;
    return Number(this.#bytes.readBigInt64BE(this.#position - 8));
  }

  #int32(): number {
    this.#position += 4;
    return this.#bytes.readInt32BE(this.#position - 4);
  }

  #field(): Buffer | null {
    const length = this.#int32();
    if (length < 0) return null;
    this.#position += length;
    if (this.#position > this.#bytes.length) throw new RangeError('the record file is cut off');
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  record(): TestRecord {
    const timestamp = this.int64();
    const key = this.#field();
    const value = this.#field();
    const headers: TestHeader[] = [];
    for (let left = this.#int32(); left > 0; left--) {
      headers.push({ name: this.#field()!.toString('utf8'), value: this.#field() });
    }
    return { timestamp, key, value, headers };
  }
}

function field(bytes: Buffer | null): Buffer[] {
  return bytes === null ? [int32(-1)] : [int32(bytes.length), bytes];
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}
