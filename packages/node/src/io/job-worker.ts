/**
 * The entry of a worker thread, with every kind of job that a node has. It is also an entry of the published
 * package. To check or search a batch, a worker decompresses the batch as a stream, without its whole
 * decompressed output in memory.
 */
import type { JobKind } from '@millrace/base';
import {
  admissionAnswer,
  admitChecked,
  checkedBatch,
  cleanerJobs,
  judgeFrame,
  judgeHeader,
  type LogJobs,
  logJobs,
  recoveryJobs,
  rulesOf,
} from '@millrace/log/jobs';
import {
  BATCH_HEADER_BYTES,
  BatchHeader,
  DecodeError,
  RECORDS_WORK_MAX,
  RecordFinder,
  readBatchHeader,
} from '@millrace/protocol';
import { checkRecordsStreaming, compressionCodecs, unfoldStreaming } from '@millrace/protocol/io';
import { type Served, serveJobs } from './serve-jobs.ts';

const { admit, findInBatch } = logJobs(compressionCodecs);
const { indexKeys, cleanBatches } = cleanerJobs(compressionCodecs);

const admitStreaming: Served<LogJobs['admit']> = {
  name: admit.name,
  run: async (batch, o) => {
    const header = new BatchHeader();
    const refusal = judgeHeader(batch, header, o) ?? judgeFrame(batch, header, o);
    if (refusal !== undefined) return admissionAnswer(batch, refusal);
    const verdict = checkedBatch(header, await checkRecordsStreaming(batch, header, rulesOf(o)));
    return admissionAnswer(batch, admitChecked(batch, verdict, o, compressionCodecs));
  },
};

const findStreaming: Served<LogJobs['findInBatch']> = {
  name: findInBatch.name,
  run: async (batch, { startOffset, timestamp }) => {
    const header = readBatchHeader(batch);
    const finder = new RecordFinder(header, startOffset, timestamp, RECORDS_WORK_MAX);
    const section = batch.subarray(BATCH_HEADER_BYTES, header.sizeBytes);
    try {
      await unfoldStreaming(header.compression, section, RECORDS_WORK_MAX, finder);
    } catch (error) {
      // If the batch cannot be decompressed, the search stops without an error, as it does on the event loop.
      if (!(error instanceof DecodeError)) throw error;
    }
    return { value: finder.found, bytes: batch };
  },
};

const { checkBatches } = recoveryJobs;
const kinds = [admitStreaming, findStreaming, indexKeys, cleanBatches, checkBatches];
serveJobs(kinds as Served<JobKind<never, unknown>>[]);
