/**
 * The decisions about offsets, and which of them an answer about a group waits for: an answer must not reveal
 * an offset, or its removal, that is not committed.
 */
import { ErrorCode } from '@millrace/protocol';
import type { CoordinatorRecord, ShardPort, WriteNumber } from '../runtime/machine.ts';
import type { OffsetTable } from './offset-table.ts';

export class OffsetWrites {
  private readonly port: Pick<ShardPort, 'write' | 'lastWrite'>;
  private readonly table: OffsetTable;
  /** The last decision that removed the last offset of any group. */
  private lastEmptying: WriteNumber = 0;

  constructor(port: Pick<ShardPort, 'write' | 'lastWrite'>, table: OffsetTable) {
    this.port = port;
    this.table = table;
  }

  /** Writes records. They change offsets of these groups, and of no other group. */
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

  /** For a group without offsets: at least the decision that removed its last offset. */
  lastWriteOf(group: string): WriteNumber {
    return this.table.group(group)?.lastWrite ?? this.lastEmptying;
  }
}
