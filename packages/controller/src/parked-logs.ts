/**
 * The log lines of decisions whose records are not committed yet. A controller that resigns keeps these
 * lines, because its successor may still commit the records, and only this controller knows which client
 * asked. The epoch of the batch at the records' offset shows whether the quorum committed these records, or
 * others.
 */
import { type Logger, type Offset, ParkedUntilOffset, type QuorumEpoch } from '@millrace/base';
import { type DecisionLog, logAll } from './decision.ts';

export class ParkedLogs {
  private readonly parked = new ParkedUntilOffset<{
    readonly epoch: QuorumEpoch;
    readonly log: DecisionLog;
  }>();

  /** `offset`: the last record of the decision, which this controller proposed in `epoch`. */
  park(offset: Offset, epoch: QuorumEpoch, log: DecisionLog): void {
    this.parked.park(offset, { epoch, log });
  }

  /** Called for each committed batch, in order. The batch ends at `offset`. */
  committed(offset: Offset, epoch: QuorumEpoch, logger: Logger): void {
    for (const entry of this.parked.release(offset)) if (entry.epoch === epoch) logAll(logger, entry.log);
  }

  /** Forgets all log lines: their records are lost, or a snapshot hides whether they were committed. */
  clear(): void {
    this.parked.drain();
  }
}
