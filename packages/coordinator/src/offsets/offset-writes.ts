/**
 * Writes the decisions about offsets, and knows for which decision an answer about a group must wait. An
 * answer must not reveal an offset, or the removal of an offset, before the decision about it is committed.
 */
import { ErrorCode } from '@millrace/protocol';
import type { CoordinatorRecord, ShardPort, WriteNumber } from '../runtime/machine.ts';
import type { OffsetTable } from './offset-table.ts';

export class OffsetWrites {
  private readonly port: Pick<ShardPort, 'write' | 'lastWrite'>;
  private readonly table: OffsetTable;
  /** The last decision that left some group without offsets. */
  private lastEmptying: WriteNumber = 0;

  constructor(port: Pick<ShardPort, 'write' | 'lastWrite'>, table: OffsetTable) {
    this.port = port;
    this.table = table;
  }

  /** Writes records as one decision. The records must change only offsets of these groups. */
  write(records: readonly CoordinatorRecord[], groups: Iterable<string>): ErrorCode {
    const errorCode = this.port.write(records);
    if (errorCode !== ErrorCode.NONE) return errorCode;
    const write = this.port.lastWrite;
    for (const group of groups) {
      const offsets = this.table.group(group);
      if (offsets === undefined) this.lastEmptying = write;
      else offsets.lastWrite = write;
    }
    return ErrorCode.NONE;
  }

  /**
   * The last decision about the group's offsets. For a group without offsets: the decision that removed its
   * last offset, or a later one.
   */
  lastWriteOf(group: string): WriteNumber {
    return this.table.group(group)?.lastWrite ?? this.lastEmptying;
  }
}
