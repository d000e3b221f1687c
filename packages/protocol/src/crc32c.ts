/**
 * CRC-32C (Castagnoli), the checksum of record batches. Each call copies its bytes into the memory of the
 * WebAssembly module, and no later call reads them. So the shared memory carries no state from call to call.
 */
import { INPUT_BYTES_MAX, instantiateCrc, TABLES_BYTES } from './crc32c-wasm.ts';

const { update, memory } = instantiateCrc();

/** Checksum of bytes[start .. end) as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = -1;
  for (let at = start; at < end; at += INPUT_BYTES_MAX) {
    const sizeBytes = Math.min(end - at, INPUT_BYTES_MAX);
    memory.set(new Uint8Array(bytes.buffer, bytes.byteOffset + at, sizeBytes), TABLES_BYTES);
    crc = update(crc, TABLES_BYTES, TABLES_BYTES + sizeBytes);
  }
  return ~crc >>> 0;
}
