/** Planted bugs of retention, deleted records, compaction and a low disk. */
import type { PlantedBug } from '../patch.ts';

export const cleanupBugs: readonly PlantedBug[] = [
  {
    name: 'retention-past-high-watermark',
    sentence: 'retention removes expired records that are not committed',
    file: 'packages/log/src/segment/expired-segments.ts',
    find: 'if ((next?.baseOffset ?? endOffset) > highWatermark || !mayGo(segment, next)) break;',
    replace:
      'if ((next?.baseOffset ?? endOffset) > endOffset + highWatermark || !mayGo(segment, next)) break;',
    expectedCheckers: ['expired-too-early', 'broken-invariant'],
    plan: 'retention',
  },
  {
    name: 'deleted-segments-resurrected',
    sentence: 'recovery gives the files of removed segments their names back',
    file: 'packages/log/src/recovery/recover.ts',
    find: "if (name.endsWith('.deleted')) o.files.unlinker.unlink([path]);",
    replace: "if (name.endsWith('.deleted')) o.disk.rename(path, path.slice(0, -'.deleted'.length));",
    expectedCheckers: ['removed-segment-back'],
    plan: 'retention',
  },
  {
    name: 'deletion-above-high-watermark',
    sentence: 'DeleteRecords deletes records that are not committed',
    file: 'packages/replication/src/partition/record-deletions.ts',
    find: 'return offset < 0 || offset > highWatermark ? ErrorCode.OFFSET_OUT_OF_RANGE : undefined;',
    replace:
      'return offset < 0 || offset > Math.max(highWatermark, log.endOffset) ? ErrorCode.OFFSET_OUT_OF_RANGE : undefined;',
    expectedCheckers: ['expired-too-early'],
    plan: 'delete-records',
  },
  {
    name: 'deletion-before-followers',
    sentence:
      'the leader acknowledges a deletion of records before the followers have raised their log starts',
    file: 'packages/replication/src/partition/record-deletions.ts',
    find: 'if (logStartOffset < low && this.ports.isAlive(brokerId)) low = logStartOffset;',
    replace: 'if (logStartOffset < low && !this.ports.isAlive(brokerId)) low = logStartOffset;',
    expectedCheckers: ['deleted-records-back'],
    plan: 'delete-records',
  },
  {
    name: 'deletion-below-offset',
    sentence:
      'the leader acknowledges a deletion of records before the low watermark reaches the offset of the request',
    file: 'packages/replication/src/partition/record-deletions.ts',
    find: 'if (lowWatermark >= offset && this.ports.holdsLease()) {',
    replace: 'if (this.ports.holdsLease()) {',
    expectedCheckers: ['deleted-records-back'],
    plan: 'delete-records',
  },
  {
    name: 'follower-writes-without-room',
    sentence: 'a follower appends records although less than min.free.bytes is free',
    file: 'packages/replication/src/partition/partition.ts',
    find: 'if (this.shortage !== undefined) return ErrorCode.KAFKA_STORAGE_ERROR;',
    replace: "if (this.shortage === '') return ErrorCode.KAFKA_STORAGE_ERROR;",
    expectedCheckers: ['grows-without-room'],
    plan: 'delete-records',
  },
  {
    name: 'log-start-forgotten',
    sentence: 'a broker that starts does not take its log start offsets from their checkpoint',
    file: 'packages/log/src/directory/log-directory.ts',
    find: 'const startOffset = checkpoints.startOffset(name);',
    replace: "const startOffset = checkpoints.startOffset(name + ' ');",
    expectedCheckers: ['log-start-fell'],
    plan: 'delete-records',
  },
  {
    name: 'log-start-not-checkpointed',
    sentence: 'a broker never writes its log start offsets to their checkpoint',
    file: 'packages/log/src/directory/checkpoints.ts',
    find: 'if (log.startOffset > 0) starts.push({ topic, partition, offset: log.startOffset });',
    replace: 'if (log.startOffset < 0) starts.push({ topic, partition, offset: log.startOffset });',
    expectedCheckers: ['log-start-fell'],
    plan: 'delete-records',
  },
  {
    name: 'latest-record-compacted',
    sentence: 'the cleaner drops the latest record of a key, too',
    file: 'packages/log/src/cleaner/clean-batches.ts',
    find: 'if (latestOffset(tables, this.md5.words) > offset) return false;',
    replace: 'if (latestOffset(tables, this.md5.words) >= offset) return false;',
    expectedCheckers: ['compacted-value-lost'],
  },
  {
    name: 'timestamps-compacted-wrong',
    sentence: 'the cleaner moves the timestamps of records when it stores a delete horizon',
    file: 'packages/log/src/cleaner/clean-batches.ts',
    find: 'const deltaBytes = writeVarlong(delta, 0, addTimestamps(cursor.timestampDelta, shift));',
    replace: 'const deltaBytes = writeVarlong(delta, 0, cursor.timestampDelta);',
    expectedCheckers: ['replicas-differ'],
  },
  {
    name: 'fetch-below-log-start',
    sentence: 'a leader does not refuse a fetch below its log start offset, but reads its log at that offset',
    file: 'packages/replication/src/serving/fetch-read.ts',
    find: 'if (item.fetchOffset >= log.startOffset && item.fetchOffset <= log.endOffset) return ErrorCode.NONE;',
    replace:
      'if (item.fetchOffset >= log.firstSegmentOffset && item.fetchOffset <= log.endOffset) return ErrorCode.NONE;',
    expectedCheckers: ['broken-invariant'],
    plan: 'delete-records',
  },
  {
    name: 'earliest-below-log-start',
    sentence:
      'a lookup of the earliest offset finds the first offset of the first segment, even if the log start offset is higher',
    file: 'packages/replication/src/serving/offset-lookups.ts',
    find: 'return listed(log.startOffset, -1, epoch);',
    replace: 'return listed(log.firstSegmentOffset, -1, epoch);',
    expectedCheckers: ['deleted-records-back', 'group-behind'],
    plan: 'delete-records',
  },
];
