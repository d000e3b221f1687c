/**
 * Judges a saved history with the checkers that the simulator has. A survey reads the file once. Then the
 * file is read once for each group of partitions, so memory grows with a group and not with the history.
 *
 * An interrupted run has no final logs, and a killed one also lacks the operations that were under way. The
 * checkers that would take what is missing for an anomaly do not judge such a history.
 */
import {
  type AdminOp,
  History,
  type HistoryCheckerKind,
  historyCheckers,
  judgeHistory,
  type Op,
} from '@millrace/checkers';
import { readHistory } from '../history/reader.ts';
import type { Anomaly, HistoryLine, RunFact, Verdict } from '../types.ts';
import { opsAround } from './around.ts';
import { PartitionHistory } from './partition-history.ts';
import { verdictSentence } from './sentence.ts';
import { groupsOf, placeKey, type Survey, type SurveyedPartition, survey } from './survey.ts';

export interface CheckOptions {
  /** About how many values and records to hold in memory at once. Default 2,000,000. */
  readonly weightMax?: number;
  /** How many anomalies of each name to list for each partition. Further ones are counted. Default 8. */
  readonly listedMax?: number;
}

const WEIGHT_MAX = 2_000_000;
const LISTED_MAX = 8;
/** The partition of an anomaly that concerns a whole topic. */
const WHOLE_TOPIC = -1;

/** They compare the history with the final log, so they need the whole log. */
const NEED_FINAL_LOG: ReadonlySet<string> = new Set(['lost-write', 'wrong-offset', 'unseen']);
/** They compare an operation with all others, also with those that were under way at the end. */
const NEED_EVERY_OP: ReadonlySet<string> = new Set([
  'never-sent',
  'never-committed',
  'commit-lost',
  'commit-went-back',
  'refused-change',
]);

const UNREAD = 'unread-partition';
const UNREAD_PROMISE = 'at the end of a complete run, every partition with acknowledged records is read back';

/** Rejects with a HistoryError if the file is not a history. */
export async function checkHistory(file: string, options: CheckOptions = {}): Promise<Verdict> {
  const { weightMax = WEIGHT_MAX, listedMax = LISTED_MAX } = options;
  const surveyed = await survey(file);
  const judging = new Judging(surveyed, listedMax);
  for (const group of groupsOf(surveyed.partitions.values(), weightMax)) {
    const histories = await historiesOf(file, group, surveyed);
    for (const one of histories) judging.judgePartition(one);
  }
  for (const [topic, ops] of await changesOf(file)) judging.judgeChanges(topic, ops);
  return judging.verdict();
}

async function historiesOf(
  file: string,
  group: readonly SurveyedPartition[],
  surveyed: Survey,
): Promise<PartitionHistory[]> {
  const histories = new Map(
    group.map((one) => [placeKey(one.topic, one.partition), new PartitionHistory(one, surveyed)]),
  );
  for await (const line of readHistory(file)) {
    if (line.line === 'op' && line.op.type === 'membership')
      for (const one of histories.values()) one.addMembership(line.op);
    else {
      const place = placeOf(line);
      if (place !== undefined) histories.get(place)?.add(line);
    }
  }
  return [...histories.values()];
}

function placeOf(line: HistoryLine): string | undefined {
  if (line.line === 'op')
    return 'partition' in line.op ? placeKey(line.op.topic, line.op.partition) : undefined;
  return 'partition' in line ? placeKey(line.topic, line.partition) : undefined;
}

/** The requests of administrators, by topic. There are few. */
async function changesOf(file: string): Promise<Map<string, AdminOp[]>> {
  const changes: AdminOp[] = [];
  for await (const line of readHistory(file))
    if (line.line === 'op' && line.op.type === 'admin') changes.push(line.op);
  return Map.groupBy(changes, ({ topic }) => topic);
}

class Judging {
  private readonly surveyed: Survey;
  private readonly listedMax: number;
  private readonly anomalies: Anomaly[] = [];
  private readonly counts = new Map<string, number>();

  constructor(surveyed: Survey, listedMax: number) {
    this.surveyed = surveyed;
    this.listedMax = listedMax;
  }

  judgePartition(one: PartitionHistory): void {
    const { topic, partition, history } = one;
    const finalLogs = one.finalLogs();
    const isRead = this.surveyed.end?.isComplete === true && finalLogs.length > 0;
    this.judge(topic, partition, history, finalLogs, this.kinds(isRead));
    if (this.surveyed.end?.isComplete === true && !isRead && hasAcknowledged(history.ops))
      this.anomalies.push({
        name: UNREAD,
        promise: UNREAD_PROMISE,
        sentence: `no final read of ${topic}-${partition} is in the history, so nobody knows what was lost`,
        topic,
        partition,
        allowedBecause: this.allowance(topic, UNREAD),
        around: [],
      });
  }

  judgeChanges(topic: string, ops: readonly AdminOp[]): void {
    const history = new History();
    for (const op of ops) history.add(op);
    const kinds = this.kinds(false).filter(({ name }) => name === 'refused-change');
    this.judge(topic, WHOLE_TOPIC, history, [], kinds);
  }

  verdict(): Verdict {
    const { anomalies, surveyed } = this;
    const forbidden = anomalies.filter(({ allowedBecause }) => allowedBecause === undefined);
    // A complete run in which nothing was acknowledged shows nothing, so it is no success.
    const isEmpty = surveyed.end?.isComplete === true && surveyed.acknowledged === 0;
    return {
      isGood: forbidden.length === 0 && !isEmpty,
      sentence: verdictSentence(surveyed, anomalies),
      anomalies,
      counts: Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  }

  private kinds(isRead: boolean): HistoryCheckerKind[] {
    return historyCheckers.filter(
      ({ name }) =>
        (isRead || !NEED_FINAL_LOG.has(name)) &&
        (this.surveyed.end !== undefined || !NEED_EVERY_OP.has(name)),
    );
  }

  private judge(
    topic: string,
    partition: number,
    history: History,
    finalLogs: ReturnType<PartitionHistory['finalLogs']>,
    kinds: readonly HistoryCheckerKind[],
  ): void {
    const { violations, counts } = judgeHistory(history, finalLogs, { violationsMax: this.listedMax, kinds });
    for (const [what, count] of counts) this.counts.set(what, (this.counts.get(what) ?? 0) + count);
    const promises = new Map(kinds.map(({ name, sentence }) => [name, sentence]));
    for (const { checker: name, sentence } of violations)
      this.anomalies.push({
        name,
        promise: promises.get(name)!,
        sentence,
        topic,
        partition,
        allowedBecause: this.allowance(topic, name),
        around: opsAround(history.ops, sentence),
      });
  }

  private allowance(topic: string, checker: string): string | undefined {
    return allowanceOf(this.surveyed.run, topic, checker);
  }
}

function allowanceOf({ allowances }: RunFact, topic: string, checker: string): string | undefined {
  return allowances.find((one) => one.topic === topic && one.checker === checker)?.why;
}

function hasAcknowledged(ops: readonly Op[]): boolean {
  return ops.some((op) => op.type === 'send' && op.outcome === 'ok' && op.values.length > 0);
}
