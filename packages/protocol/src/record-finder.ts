/** Finds a record by timestamp in a stored batch, without an object for each record. */
import type { BatchHeader } from './batch.ts';
import { RecordWalker } from './record-walker.ts';
import { addTimestamps, type Timestamp, wrapTimestamp } from './timestamp.ts';

export interface FoundRecord {
  readonly offset: number;
  readonly timestamp: Timestamp;
}

/** Finds the first record, from `fromOffset` on, that has the given timestamp or a later one. */
export class RecordFinder extends RecordWalker {
  found: FoundRecord | undefined;
  private readonly baseOffset: number;
  private readonly base: Timestamp;
  private readonly common: Timestamp | undefined;
  private readonly fromOffset: number;
  private readonly wanted: Timestamp;

  constructor(header: BatchHeader, fromOffset: number, timestamp: Timestamp, workMax: number) {
    super(header.recordCount, workMax);
    this.baseOffset = header.baseOffset;
    this.base = header.baseTimestamp;
    this.common = header.isLogAppendTime ? header.maxTimestamp : undefined;
    this.fromOffset = fromOffset;
    this.wanted = timestamp;
  }

  protected override visit(timestampDelta: number, offsetDelta: number): boolean {
    const offset = this.baseOffset + offsetDelta;
    if (offset < this.fromOffset) return true;
    const delta = Number.isNaN(timestampDelta) ? wrapTimestamp(this.wideDelta) : timestampDelta;
    const timestamp = this.common ?? addTimestamps(this.base, delta);
    if (timestamp < this.wanted) return true;
    this.found = { offset, timestamp };
    return false;
  }
}
