/** The cleaner's jobs: each handles about a megabyte of whole batches. */
import type { JobKind, Offset } from '@millrace/base';
import { type CompressionCodecs, DecodeError } from '@millrace/protocol';
import { cleanBatches, type FilterOptions, type FilterResult } from './clean-batches.ts';
import { indexKeys } from './index-keys.ts';

/** The batches are damaged. `damage` says why. */
export interface Damage {
  readonly damage: string;
}

export interface CleanerJobs {
  /** Returns the words of `indexKeys` as bytes. */
  readonly indexKeys: JobKind<{ readonly fromOffset: Offset }, Damage | undefined>;
  /** Returns the batches that stay. */
  readonly cleanBatches: JobKind<FilterOptions, Damage | Omit<FilterResult, 'bytes'>>;
}

export function cleanerJobs(codecs: CompressionCodecs): CleanerJobs {
  return {
    indexKeys: {
      name: 'index-keys',
      run: (bytes, { fromOffset }) => {
        const keys = unlessDamaged(() => indexKeys(bytes, fromOffset, codecs));
        if ('damage' in keys) return { value: keys, bytes };
        const words = new Uint8Array(keys.buffer, keys.byteOffset, keys.byteLength);
        return { value: undefined, bytes: alone(words) };
      },
    },
    cleanBatches: {
      name: 'clean-batches',
      run: (given, o) => {
        const result = unlessDamaged(() => cleanBatches(given, o, codecs));
        if ('damage' in result) return { value: result, bytes: given };
        const { bytes, ...value } = result;
        return { value, bytes: alone(bytes) };
      },
    },
  };
}

/**
 * Returns the bytes in memory that holds nothing else. A worker's message moves such memory to the event loop
 * without a copy. It copies any other memory as a whole, not only these bytes.
 */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength === bytes.length ? bytes : bytes.slice();
}

function unlessDamaged<T>(work: () => T): T | Damage {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { damage: error.message };
  }
}
