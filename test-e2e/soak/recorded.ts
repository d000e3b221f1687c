/**
 * Turns the notes of the soak's writers and of its reader into a history, which the checkers of the package
 * `checkers` judge. The functions are pure, so that a test can plant anomalies in the notes.
 *
 * Record n of a writer has the value `NAME-n` and belongs to partition n % partitions.
 */
import {
  type FinalLog,
  History,
  judgeHistory,
  type Micros,
  type PollOp,
  type SeenRecord,
  type SendOp,
} from '@millrace/checkers';

/** One record of a writer. Times are in microseconds since 1970. */
export interface WrittenRecord {
  readonly sentUs: Micros;
  /** Undefined: the writer ended before the client's library answered. */
  readonly endedUs: Micros | undefined;
  /** The acknowledged offset; undefined: no acknowledgement, so the outcome is unknown. */
  readonly offset: number | undefined;
}

export interface WrittenRecords {
  /** The writer's name. */
  readonly name: string;
  /** Record `n` is at index n. */
  readonly records: readonly WrittenRecord[];
}

/** One record that the reader got. The reader reads each partition once, from its beginning. */
export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  /** Index in the list of writers; -1 if no writer sent this record. */
  readonly writer: number;
  readonly n: number;
  readonly leaderEpoch: number | undefined;
  /** The newest high watermark that the client's library knew; undefined: it knew none yet. */
  readonly highWatermark: number | undefined;
}

export interface RecordedRun {
  readonly topic: string;
  readonly partitions: number;
  readonly written: readonly WrittenRecords[];
  /** The records in the order in which the reader got them. */
  readonly read: readonly ReadRecord[];
}

const READER = 'reader';
const POLL_RECORDS_MAX = 1000;

/**
 * The violations as text, each with the name of its checker in front. Lists only the first violations of each
 * checker. The last lines say how many others there are.
 */
export function violationsOf(run: RecordedRun): string[] {
  const { violations, counts } = judgeHistory(historyOf(run), finalLogsOf(run));
  const more = [...counts].map(([what, count]) => `${what}: ${count}`);
  return [...violations.map(({ message }) => message), ...more];
}

/** All sends in the order in which they ended, then all reads. */
export function historyOf(run: RecordedRun): History {
  const history = new History();
  const sends = sendsOf(run);
  for (const send of sends) history.add(send);
  const endedUs = sends.at(-1)?.endedUs ?? 0;
  for (let partition = 0; partition < run.partitions; partition++) {
    const where = { client: READER, topic: run.topic, topicId: undefined, partition };
    history.add({ type: 'assign', ...where, offset: 0, why: 'earliest', endedUs });
    const records = run.read.filter((record) => record.partition === partition);
    for (const poll of pollsOf(run, records)) history.add({ type: 'poll', ...where, ...poll, endedUs });
  }
  return history;
}

function sendsOf({ topic, partitions, written }: RecordedRun): SendOp[] {
  const all = written.flatMap(({ records }) => records);
  const firstUs = all.reduce((least, { sentUs }) => Math.min(least, sentUs), Number.POSITIVE_INFINITY);
  const lastUs = all.reduce((most, { sentUs, endedUs = 0 }) => Math.max(most, sentUs, endedUs), 0);
  const sends = written.flatMap(({ name, records }) =>
    records.map(({ sentUs, endedUs = lastUs, offset }, n): SendOp => {
      const isAcked = offset !== undefined;
      return {
        type: 'send',
        client: name,
        topic,
        // The libraries of real clients hide the topic id.
        topicId: undefined,
        partition: n % partitions,
        values: [`${name}-${n}`],
        mayStray: true,
        acks: -1,
        idempotent: true,
        invokedUs: sentUs - firstUs,
        endedUs: endedUs - firstUs,
        outcome: isAcked ? 'ok' : 'info',
        baseOffset: offset,
        error: isAcked ? undefined : 'no acknowledgement',
        // The libraries of real clients do not tell which broker acknowledged a record.
        ackedBy: undefined,
      };
    }),
  );
  return sends.sort((a, b) => a.endedUs - b.endedUs);
}

type Poll = Pick<PollOp, 'fetchOffset' | 'records' | 'highWatermark' | 'brokerId'>;

/** Consecutive records with the same known high watermark form one poll, up to POLL_RECORDS_MAX. */
function pollsOf(run: RecordedRun, records: readonly ReadRecord[]): Poll[] {
  const polls: Poll[] = [];
  let seen: SeenRecord[] = [];
  let highWatermark: number | undefined;
  for (const record of records) {
    if (seen.length === 0 || seen.length >= POLL_RECORDS_MAX || record.highWatermark !== highWatermark) {
      seen = [];
      highWatermark = record.highWatermark;
      polls.push({ fetchOffset: record.offset, records: seen, highWatermark, brokerId: undefined });
    }
    seen.push(seenRecord(run, record));
  }
  return polls;
}

/**
 * The final logs. They are what the reader got, because it reads each partition up to its end after the
 * writers have finished.
 */
export function finalLogsOf(run: RecordedRun): FinalLog[] {
  return Array.from({ length: run.partitions }, (_, partition) => ({
    topic: run.topic,
    topicId: undefined,
    partition,
    records: run.read
      .filter((record) => record.partition === partition)
      .map((record) => seenRecord(run, record)),
    batches: undefined,
  }));
}

function seenRecord({ written }: RecordedRun, record: ReadRecord): SeenRecord {
  const { offset, writer, n, leaderEpoch } = record;
  return { offset, value: `${written[writer]?.name ?? 'nobody'}-${n}`, leaderEpoch };
}
