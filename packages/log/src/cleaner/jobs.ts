/** The cleaner's jobs: each handles about a megabyte of whole batches. */
import type { JobKind, Offset } from '@millrace/base';
import { type CompressionCodecs, DecodeError } from '@millrace/protocol';
import { cleanBatches, type FilterOptions, type FilterResult } from './clean-batches.ts';
import { indexKeys } from './index-keys.ts';

/** The batches are damaged. `damage` says why. */
export interface Damage {
  readonly damage: string;
}

/**
 * A job gets a buffer that begins with this many bytes of whole batches. The answer lies at the beginning of
 * the same buffer, if it fits: the owner of the job then reads the next chunk into this buffer.
 */
interface Given {
  readonly sizeBytes: number;
}

export interface CleanerJobs {
  /** Answers with the words of `indexKeys`; `keysBytes` is their size. */
  readonly indexKeys: JobKind<
    Given & { readonly fromOffset: Offset },
    Damage | { readonly keysBytes: number }
  >;
  /** Answers with the batches that stay; `keptBytes` is their size. */
  readonly cleanBatches: JobKind<
    Given & FilterOptions,
    Damage | (Omit<FilterResult, 'bytes'> & { readonly keptBytes: number })
  >;
}

export function cleanerJobs(codecs: CompressionCodecs): CleanerJobs {
  return {
    indexKeys: {
      name: 'index-keys',
      run: (buffer, { sizeBytes, fromOffset }) => {
        const keys = unlessDamaged(() => indexKeys(buffer.subarray(0, sizeBytes), fromOffset, codecs));
        if ('damage' in keys) return { value: keys, bytes: buffer };
        const words = new Uint8Array(keys.buffer, keys.byteOffset, keys.byteLength);
        return { value: { keysBytes: words.length }, bytes: placed(buffer, words) };
      },
    },
    cleanBatches: {
      name: 'clean-batches',
      run: (buffer, { sizeBytes, ...o }) => {
        const result = unlessDamaged(() => cleanBatches(buffer.subarray(0, sizeBytes), o, codecs));
        if ('damage' in result) return { value: result, bytes: buffer };
        const { bytes, ...value } = result;
        return { value: { ...value, keptBytes: bytes.length }, bytes: placed(buffer, bytes) };
      },
    },
  };
}

/**
 * Puts the answer at the beginning of the buffer, and returns the buffer. If the answer does not fit, returns
 * it in memory that holds nothing else: a worker's message copies any other memory as a whole.
 */
function placed(buffer: Uint8Array, answer: Uint8Array): Uint8Array {
  if (answer.length > buffer.length)
    return answer.buffer.byteLength === answer.length ? answer : answer.slice();
  const isThere = answer.buffer === buffer.buffer && answer.byteOffset === buffer.byteOffset;
  if (!isThere) buffer.set(answer);
  return buffer;
}

function unlessDamaged<T>(work: () => T): T | Damage {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { damage: error.message };
  }
}
