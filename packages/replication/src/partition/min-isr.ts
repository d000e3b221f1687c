/**
 * Enforces min ISR: the smaller of `min.insync.replicas` and the number of replicas. While the ISR has fewer
 * members, the leader refuses batches with acks=all and commits nothing (KIP-966). It still appends batches
 * with acks=0 and acks=1. For each batch, leadership.ts calls one function of this file at three times:
 * before the append, before the high watermark moves, and when the high watermark has passed the batch.
 */
import type { NodeId } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { ProduceResult } from '../types.ts';
import { produceFailure } from './acks.ts';

/** The part of a partition that min ISR depends on. */
export interface IsrAndMinimum {
  readonly isr: readonly NodeId[];
  readonly minIsrEffective: number;
}

export function minIsrOf(minInsyncReplicas: number, replicas: readonly NodeId[]): number {
  return Math.min(minInsyncReplicas, replicas.length);
}

export function isUnderMinIsr({ isr, minIsrEffective }: IsrAndMinimum): boolean {
  return isr.length < minIsrEffective;
}

/**
 * Before the append: returns NOT_ENOUGH_REPLICAS for a batch with acks=all while the partition is under min
 * ISR, otherwise undefined. The leader does not append a refused batch.
 */
export function refusalBeforeAppend(partition: IsrAndMinimum, acks: number): ProduceResult | undefined {
  if (acks !== -1 || !isUnderMinIsr(partition)) return undefined;
  return produceFailure(ErrorCode.NOT_ENOUGH_REPLICAS);
}

/**
 * Before the high watermark moves: returns whether it may move. While it may not, the leader neither
 * acknowledges further batches with acks=all nor lets consumers read them.
 */
export function mayCommit(partition: IsrAndMinimum): boolean {
  return !isUnderMinIsr(partition);
}

/**
 * When the high watermark has passed a batch that waited for the ISR: returns the result that its client
 * gets. The ISR may have shrunk since the append. Then the batch stays in the log, and the client gets
 * NOT_ENOUGH_REPLICAS_AFTER_APPEND.
 */
export function resultAfterReplication(partition: IsrAndMinimum, appended: ProduceResult): ProduceResult {
  return isUnderMinIsr(partition) ? produceFailure(ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND) : appended;
}
