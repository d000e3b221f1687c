/**
 * The decoders and encoders of one message, in all its versions. They are compiled from the message's field
 * table on first use. The cache of compiled functions is the only state.
 */
import { assert } from '@millrace/base';
import { compileDecoder, compileEncoder, type Decode, type Encode } from './compile.ts';
import { Reader } from './reader.ts';
import type { Fields, VersionRange } from './schema.ts';
import type { TextCache } from './text-cache.ts';
import { Writer } from './writer.ts';

export interface DecodeCost {
  /** The decoder sets it: approximate heap size of the decoded arrays, in bytes. */
  heapBytes: number;
  /** The most array elements and tagged fields that this request may have. */
  readonly elementsMax: number;
}

export interface MessageTable {
  /** For error messages and stack traces: 'Fetch'. */
  readonly name: string;
  /** Which part of the API or record this message is. Also for error messages and stack traces. */
  readonly part: 'request' | 'response' | 'key' | 'value';
  readonly fields: Fields;
  readonly versions: VersionRange;
  /** From this version on, lengths are compact and structs end in tagged fields. Infinity: in no version. */
  readonly flexibleFrom: number;
  /** The most array elements and tagged fields that one message may have. */
  readonly elementsMax: number;
  /** True if the decoder ignores bytes behind the message. Else it refuses them. */
  readonly mayHaveMoreBytes: boolean;
}

export class MessageCodec {
  private readonly table: MessageTable;
  private readonly decoders: { what: string; decode: Decode }[] = [];
  private readonly encoders: Encode[] = [];

  constructor(table: MessageTable) {
    this.table = table;
  }

  has(version: number): boolean {
    const { min, max } = this.table.versions;
    return Number.isInteger(version) && version >= min && version <= max;
  }

  decode(
    version: number,
    bytes: Uint8Array,
    position: number,
    cost?: DecodeCost,
    texts?: TextCache,
  ): unknown {
    const { what, decode } = this.decoders[version] ?? this.addDecoder(version);
    const { elementsMax, mayHaveMoreBytes } = this.table;
    const limit = Math.min(elementsMax, cost?.elementsMax ?? elementsMax);
    const reader = new Reader(bytes, position, what, limit, texts);
    const value = decode(reader);
    if (cost !== undefined) cost.heapBytes = reader.heapBytes;
    if (!mayHaveMoreBytes) reader.finish();
    return value;
  }

  encode(version: number, value: unknown): Uint8Array[] {
    const writer = new Writer();
    this.write(version, value, writer);
    return writer.finish();
  }

  write(version: number, value: unknown, writer: Writer): void {
    const encode = this.encoders[version] ?? this.addEncoder(version);
    encode(writer, value);
  }

  private addDecoder(version: number): { what: string; decode: Decode } {
    const what = `${this.table.name} v${version} ${this.table.part}`;
    const decoder = { what, decode: compileDecoder(this.target(version)) };
    this.decoders[version] = decoder;
    return decoder;
  }

  private addEncoder(version: number): Encode {
    const encode = compileEncoder(this.target(version));
    this.encoders[version] = encode;
    return encode;
  }

  private target(version: number) {
    assert(this.has(version), 'a version the message does not have');
    const { name, part, fields, flexibleFrom } = this.table;
    return { name: `${name}_v${version}_${part}`, fields, version, flexible: version >= flexibleFrom };
  }
}
