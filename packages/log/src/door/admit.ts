/**
 * Admits a client's batch before the log appends it: runs the checks of door.ts, then applies the topic's
 * compression. The event loop does this for cheap batches, and a job does it for all others. Both give the
 * same result.
 */
import type { CompressionCodecs, WorkBudget } from '@millrace/protocol';
import type { AppendFailure } from '../types.ts';
import { checkAtDoor, checkAtDoorWhole, type DoorOptions, type DoorVerdict } from './door.ts';
import { type AdmittedBatch, COMPRESSION_WORK, recompress, recompressWhole } from './recompress.ts';

export type Admission = AdmittedBatch | AppendFailure;

/**
 * Admits a batch if that is cheap enough. Undefined: the work would block the event loop, and the batch is
 * unchanged. All batches of one turn share `budget`. Decompressing and compressing take their cost from it.
 */
export function admit(
  bytes: Uint8Array,
  o: DoorOptions,
  codecs: CompressionCodecs,
  budget: WorkBudget,
): Admission | undefined {
  const { config } = o;
  const verdict = checkAtDoor(bytes, o, codecs, config.loopWorkMax, budget);
  if (verdict === undefined || !verdict.ok) return verdict;
  const plainBytesMax = Math.min(config.loopWorkMax, budget.work) / COMPRESSION_WORK;
  return recompress(bytes, verdict, config, codecs, plainBytesMax, budget);
}

/** Like `admit`, without a limit of work. */
export function admitWhole(bytes: Uint8Array, o: DoorOptions, codecs: CompressionCodecs): Admission {
  return admitChecked(bytes, checkAtDoorWhole(bytes, o, codecs), o, codecs);
}

/** The second half of `admitWhole`, for callers that check the batch themselves. */
export function admitChecked(
  bytes: Uint8Array,
  verdict: DoorVerdict,
  { config }: DoorOptions,
  codecs: CompressionCodecs,
): Admission {
  return verdict.ok ? recompressWhole(bytes, verdict, config, codecs) : verdict;
}
