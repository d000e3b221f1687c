/**
 * Everything that happens to a client's batch before it meets the log: the door's checks, then the topic's
 * compression. What is cheap is done on the event loop, the rest in a job; both give the same.
 */
import type { CompressionCodecs, WorkBudget } from '@millrace/protocol';
import { checkAtDoor, checkAtDoorWhole, type DoorOptions, type DoorVerdict } from './door.ts';
import { type AdmittedBatch, COMPRESSION_WORK, recompress, recompressWhole } from './recompress.ts';
import type { Refusal } from './types.ts';

export type Admission = AdmittedBatch | Refusal;

/**
 * Undefined: it would hold up the event loop. Nothing was changed. `budget` is that of all batches of one
 * turn, and pays for unfolding and compressing.
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

/** Whatever it costs. */
export function admitWhole(bytes: Uint8Array, o: DoorOptions, codecs: CompressionCodecs): Admission {
  return admitChecked(bytes, checkAtDoorWhole(bytes, o, codecs), o, codecs);
}

/** The second half of `admitWhole`, for those who check in a way of their own. */
export function admitChecked(
  bytes: Uint8Array,
  verdict: DoorVerdict,
  { config }: DoorOptions,
  codecs: CompressionCodecs,
): Admission {
  return verdict.ok ? recompressWhole(bytes, verdict, config, codecs) : verdict;
}
