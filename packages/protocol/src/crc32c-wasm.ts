/**
 * Assembles, from named instructions, the WebAssembly module that computes CRC-32C. The module is about 1.5
 * times as fast as JavaScript (measured: 1.9 GB/s against 1.3 GB/s). It processes sixteen bytes a round with
 * sixteen table lookups ("slicing by 16", Kounavis and Berry 2005). Knows nothing of batches.
 */

/** The memory begins with 16 tables of 256 words; the bytes to check lie behind them. */
export const TABLES_BYTES = 16 * 1024;
const PAGE_BYTES = 64 * 1024;
const PAGES = 2;
/** The largest number of bytes that one call can check. */
export const INPUT_BYTES_MAX = PAGES * PAGE_BYTES - TABLES_BYTES;

/**
 * Continues a checksum with the bytes start .. end of the memory. `crc` and the result are the register, not
 * its complement.
 */
export type CrcFunction = (crc: number, start: number, end: number) => number;

interface Exports {
  readonly update: CrcFunction;
  readonly memory: { readonly buffer: ArrayBuffer };
}

/** The part of the WebAssembly API in use here; the installed types do not describe it. */
interface WebAssemblyGlobal {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
}

export function instantiateCrc(): { update: CrcFunction; memory: Uint8Array } {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyGlobal }).WebAssembly;
  const { update, memory } = new Instance(new Module(moduleBytes())).exports;
  const { buffer } = memory;
  new Int32Array(buffer, 0, TABLES_BYTES / 4).set(makeTables());
  return { update, memory: new Uint8Array(buffer) };
}

/** tables[k * 256 + b]: the effect of byte b on the register if k zero bytes follow. */
function makeTables(): Int32Array {
  const tables = new Int32Array(TABLES_BYTES / 4);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const shorter = tables[i - 256]!;
    tables[i] = (shorter >>> 8) ^ tables[shorter & 0xff]!;
  }
  return tables;
}

type Code = number[];

const I32 = 0x7f;
const BLOCK: Code = [0x02, 0x40];
const LOOP: Code = [0x03, 0x40];
const END: Code = [0x0b];
const AGAIN: Code = [0x0c, 0];
const LEAVE_IF: Code = [0x0d, 1];
const GREATER: Code = [0x4b];
const NOT_LESS: Code = [0x4f];
const ADD: Code = [0x6a];
const AND: Code = [0x71];
const XOR: Code = [0x73];
const SHIFT_LEFT: Code = [0x74];
const SHIFT_RIGHT: Code = [0x76];
const LOAD_BYTE: Code = [0x2d, 0, 0];
const loadWord = (offset: number): Code => [0x28, 2, ...unsigned(offset)];
const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const constant = (value: number): Code => [0x41, ...signed(value)];

const CRC = 0;
const AT = 1;
const LAST = 2;
const WORDS = [3, 4, 5, 6] as const;

function updateCode(): Code {
  const [first, second, third, fourth] = WORDS;
  return [
    ...whileLoop(
      [...get(AT), ...constant(16), ...ADD, ...get(LAST), ...GREATER],
      [
        ...[...get(CRC), ...get(AT), ...loadWord(0), ...XOR, ...set(first)],
        ...[...get(AT), ...loadWord(4), ...set(second)],
        ...[...get(AT), ...loadWord(8), ...set(third)],
        ...[...get(AT), ...loadWord(12), ...set(fourth)],
        // Only the first word depends on the previous round. Its lookups come last, so that the others need
        // not wait for that round.
        ...[...lookups(second, 11), ...lookups(third, 7), ...XOR, ...lookups(fourth, 3), ...XOR],
        ...[...lookups(first, 15), ...XOR, ...set(CRC)],
        ...[...get(AT), ...constant(16), ...ADD, ...set(AT)],
      ],
    ),
    ...whileLoop(
      [...get(AT), ...get(LAST), ...NOT_LESS],
      [
        ...[...get(CRC), ...get(AT), ...LOAD_BYTE, ...XOR, ...constant(255), ...AND],
        ...[...constant(2), ...SHIFT_LEFT, ...loadWord(0)],
        ...[...get(CRC), ...constant(8), ...SHIFT_RIGHT, ...XOR, ...set(CRC)],
        ...[...get(AT), ...constant(1), ...ADD, ...set(AT)],
      ],
    ),
    ...get(CRC),
    ...END,
  ];
}

function whileLoop(leaveCondition: Code, body: Code): Code {
  return [...BLOCK, ...LOOP, ...leaveCondition, ...LEAVE_IF, ...body, ...AGAIN, ...END, ...END];
}

/** Looks up the four bytes of a word in four tables, from `table` downwards, and combines the results. */
function lookups(word: number, table: number): Code {
  const one = (byte: number): Code => {
    const scaled = byte === 0 ? [...constant(2), ...SHIFT_LEFT] : [...constant(byte * 8 - 2), ...SHIFT_RIGHT];
    return [...get(word), ...scaled, ...constant(255 * 4), ...AND, ...loadWord((table - byte) * 1024)];
  };
  return [...one(0), ...one(1), ...XOR, ...one(2), ...one(3), ...XOR, ...XOR];
}

function moduleBytes(): Uint8Array {
  const locals = [1, WORDS.length, I32];
  const code = [...locals, ...updateCode()];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 3, I32, I32, I32, 1, I32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 1, PAGES, PAGES]),
    ...section(7, [2, ...name('update'), 0, 0, ...name('memory'), 2, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): Code {
  return [text.length, ...[...text].map((character) => character.charCodeAt(0))];
}

function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** Signed LEB128 of a value >= 0: uses one more group if the highest bit would read as a sign. */
function signed(value: number): Code {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
