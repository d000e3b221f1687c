/**
 * Serves DeleteRecords: deletes in each partition that this broker leads, and answers when every partition is
 * settled, or at the timeout of the request.
 */
import type { Millis, Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { Partition } from '../partition/partition.ts';
import { deletionFailure, type WaitingDeletion } from '../partition/record-deletions.ts';
import type { Cancel, DeleteRecordsRequest, PartitionError, RecordsDeleted } from '../types.ts';

export interface DeleteRecordsPorts {
  find(topicId: Uuid, index: number): Partition | PartitionError;
  after(delayMs: Millis, callback: () => void): Cancel;
}

export class DeleteRecordsService {
  private readonly ports: DeleteRecordsPorts;

  constructor(ports: DeleteRecordsPorts) {
    this.ports = ports;
  }

  /**
   * May call `done` within this call. Otherwise returns a function that cancels the request; the records stay
   * deleted.
   */
  delete(request: DeleteRecordsRequest, done: (results: RecordsDeleted[]) => void): Cancel | undefined {
    const results: RecordsDeleted[] = [];
    const waiting = new Set<WaitingDeletion>();
    let stopTimer: Cancel = () => {};
    let left = request.partitions.length;
    const settled = (slot: number, result: RecordsDeleted): void => {
      results[slot] = result;
      left--;
      if (left > 0) return;
      stopTimer();
      done(results);
    };
    for (const [slot, wanted] of request.partitions.entries()) {
      const deletion = this.start(wanted, (result) => settled(slot, result));
      if (deletion !== undefined) waiting.add(deletion);
    }
    if (request.partitions.length === 0) done(results);
    if (waiting.size === 0) return undefined;
    stopTimer = this.ports.after(Math.max(0, request.timeoutMs), () => {
      for (const deletion of waiting) deletion.expire();
    });
    return () => {
      stopTimer();
      for (const deletion of waiting) deletion.cancel();
    };
  }

  private start(
    { topicId, partition, offset }: DeleteRecordsRequest['partitions'][number],
    settled: (result: RecordsDeleted) => void,
  ): WaitingDeletion | undefined {
    const found = this.ports.find(topicId, partition);
    const errorCode = 'errorCode' in found ? found.errorCode : found.checkLeader(-1);
    if ('errorCode' in found || errorCode !== ErrorCode.NONE) settled(deletionFailure(errorCode));
    else return found.leadership?.deletions.start(offset, settled);
    return undefined;
  }
}
