/**
 * Batches with a valid header and checksum and invalid records, which a leader finds only by checking each
 * record. Separate from the other probes, with draws of their own.
 */
import { Compression, ErrorCode } from '@millrace/protocol';
import { Field, goodBatch, withField } from './batches.ts';
import { byTime } from './lookups.ts';
import { PARTITION_TROUBLES, type Probe, type ProbeTools } from './probe.ts';
import { produceTo } from './produce.ts';

const CRC_OF_GZIP_FROM_END = 8;
/**
 * Position of the offset delta in the last record of `goodBatch`. Behind it are the length of the key, the
 * length of the value and its 5 bytes, and the header count.
 */
const OFFSET_DELTA_FROM_END = 9;

function refused(name: string, code: ErrorCode, make: (tools: ProbeTools) => Uint8Array): Probe {
  return {
    name: `records-${name}`,
    expected: [code],
    troubles: PARTITION_TROUBLES,
    ask: (tools, answered) =>
      produceTo(tools.leader, tools, { records: make(tools) }, (errorCode) => answered(errorCode)),
  };
}

const gzipped = ({ env }: ProbeTools) => goodBatch(3, { compression: Compression.GZIP, codecs: env.codecs });

/** Makes the header claim this number of records: in the record count and in the last offset delta. */
const counted = (batch: Uint8Array, count: number) =>
  withField(withField(batch, Field.recordCount, count), Field.lastOffsetDelta, count - 1);

export const recordProbes: readonly Probe[] = [
  byTime,
  refused('one-too-few', ErrorCode.INVALID_RECORD, () => counted(goodBatch(3), 4)),
  refused('one-too-many', ErrorCode.INVALID_RECORD, () => counted(goodBatch(3), 2)),
  refused('one-too-few-compressed', ErrorCode.INVALID_RECORD, (tools) => counted(gzipped(tools), 4)),
  refused('offset-gap', ErrorCode.INVALID_RECORD, () => {
    const batch = goodBatch(2);
    const at = batch.length - OFFSET_DELTA_FROM_END;
    return withField(batch, { at, bytes: 1 }, 4);
  }),
  refused('damaged-payload', ErrorCode.UNKNOWN_SERVER_ERROR, (tools) => {
    const batch = gzipped(tools);
    const at = batch.length - CRC_OF_GZIP_FROM_END;
    return withField(batch, { at, bytes: 1 }, batch[at]! ^ 1);
  }),
];
