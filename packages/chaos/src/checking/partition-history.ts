/**
 * Everything that a history says about one partition, in the form that the checkers read.
 *
 * Every checker judges one partition, apart from four points that cross partitions:
 *
 * - `never-sent` skips a topic without a writer, and `duplicate` asks whether a client is idempotent. So each
 *   partition gets a send without values of every writer of its topic.
 * - `fenced-commit-accepted` compares the members of a group. So each partition gets the memberships of all
 *   groups.
 * - `aborted-read` and `unseen` find a value wherever a consumer reads it. A value that is read in another
 *   partition than it was sent to is a violation of `never-sent` or `lost-write` all the same.
 * - `refused-change` judges topics, so it has a history of its own for each topic.
 */
import { type FinalLog, History, type MembershipOp, type SeenRecord, type SendOp } from '@millrace/checkers';
import type { HistoryLine } from '../types.ts';
import type { Survey, SurveyedPartition } from './survey.ts';

/** The name of the client that reads the final logs, in the history that the checkers see. */
const FINAL_READER = 'final-read';

export class PartitionHistory {
  readonly history = new History();
  readonly topic: string;
  readonly partition: number;
  private readonly hasFinalRead: boolean;
  private readonly endUs: number;
  private readonly records: SeenRecord[] = [];

  constructor({ topic, partition, hasFinalRead }: SurveyedPartition, { writers, end }: Survey) {
    this.topic = topic;
    this.partition = partition;
    this.hasFinalRead = hasFinalRead;
    this.endUs = end?.atUs ?? 0;
    for (const writer of writers.values())
      if (writer.topic === topic)
        this.history.add({ ...EMPTY_SEND, ...writer, topicId: undefined, partition, values: [] });
  }

  /** Takes a line about this partition. */
  add(line: HistoryLine): void {
    const place = { topic: this.topic, topicId: undefined, partition: this.partition };
    if (line.line === 'op') this.history.add(line.op);
    else if (line.line === 'lost-sequence')
      this.history.sequenceLost({ ...place, client: line.client, value: line.value ?? 'a value' });
    else if (line.line === 'damaged-batch')
      this.history.damaged({ ...place, client: line.client, offset: line.offset ?? -1 });
    else if (line.line === 'final') this.addFinal(line.records);
  }

  addMembership(op: MembershipOp): void {
    this.history.add(op);
  }

  /** Empty if nobody read the partition at the end. */
  finalLogs(): FinalLog[] {
    if (!this.hasFinalRead) return [];
    const { topic, partition, records } = this;
    return [{ topic, topicId: undefined, partition, records, batches: undefined }];
  }

  /** The final read is also the last reader of the run, so the promises to readers hold for it, too. */
  private addFinal(records: readonly SeenRecord[]): void {
    const { topic, partition, endUs } = this;
    if (records.length === 0) return;
    for (const record of records) this.records.push(record);
    this.history.add({
      type: 'poll',
      client: FINAL_READER,
      topic,
      topicId: undefined,
      partition,
      fetchOffset: records[0]!.offset,
      records,
      highWatermark: undefined,
      brokerId: undefined,
      endedUs: endUs,
    });
  }
}

const EMPTY_SEND: Omit<SendOp, 'client' | 'topic' | 'topicId' | 'partition' | 'acks' | 'idempotent'> = {
  type: 'send',
  mayStray: false,
  values: [],
  invokedUs: 0,
  endedUs: 0,
  outcome: 'info',
  baseOffset: undefined,
  error: undefined,
  ackedBy: undefined,
};
