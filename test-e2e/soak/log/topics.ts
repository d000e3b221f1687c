/** The topics of a trial. With their settings, segments roll and records are removed all the time. */
import type { LogRules, SentRecord } from './judge.ts';

export interface TrialTopic {
  readonly name: string;
  readonly partitions: number;
  readonly configs: Readonly<Record<string, string>>;
  readonly rules: LogRules;
  /** The number of different keys. */
  readonly keys: number;
  /** The share of tombstones. */
  readonly tombstones: number;
  /** The share of all batches that go to this topic. */
  readonly weight: number;
}

/** The files of a removed segment are deleted after this time. */
const FILE_DELETE_DELAY_MS = 300;

export const trialTopics: readonly TrialTopic[] = [
  // No record of this log is ever removed, and each read reads the whole log, so the log gets few records.
  topicOf('plain', { segmentMs: 300, keys: 20, tombstones: 0, weight: 0.05 }, { isCompacted: false }),
  topicOf(
    'by-size',
    { segmentMs: 150, keys: 20, tombstones: 0, weight: 0.15 },
    { isCompacted: false, retentionBytes: 100_000 },
  ),
  topicOf(
    'by-time',
    { segmentMs: 150, keys: 20, tombstones: 0, weight: 0.15 },
    { isCompacted: false, retentionMs: 2000 },
  ),
  topicOf(
    'compacted',
    { segmentMs: 40, keys: 200, tombstones: 0.15, weight: 0.35, partitions: 2 },
    { isCompacted: true, deleteRetentionMs: 1000 },
  ),
  topicOf(
    'lagging',
    { segmentMs: 60, keys: 40, tombstones: 0.1, weight: 0.15 },
    { isCompacted: true, deleteRetentionMs: 400, minCompactionLagMs: 500 },
  ),
  topicOf(
    'both',
    { segmentMs: 60, keys: 40, tombstones: 0.15, weight: 0.15 },
    { isCompacted: true, deleteRetentionMs: 300, retentionMs: 3000 },
  ),
];

type Load = Pick<TrialTopic, 'keys' | 'tombstones' | 'weight'> & {
  readonly segmentMs: number;
  readonly partitions?: number;
};

function topicOf(name: string, load: Load, rules: LogRules): TrialTopic {
  const { segmentMs, partitions = 1, ...rest } = load;
  const deletes = rules.retentionMs !== undefined || rules.retentionBytes !== undefined || !rules.isCompacted;
  const policy = [...(rules.isCompacted ? ['compact'] : []), ...(deletes ? ['delete'] : [])];
  const configs: Record<string, string> = {
    'cleanup.policy': policy.join(),
    'segment.ms': String(segmentMs),
    'retention.ms': String(rules.retentionMs ?? -1),
    'retention.bytes': String(rules.retentionBytes ?? -1),
    'min.cleanable.dirty.ratio': '0.01',
    'delete.retention.ms': String(rules.deleteRetentionMs ?? 0),
    'min.compaction.lag.ms': String(rules.minCompactionLagMs ?? 0),
    'file.delete.delay.ms': String(FILE_DELETE_DELAY_MS),
    'index.interval.bytes': '512',
  };
  return { name, partitions, configs, rules, ...rest };
}

/** One partition of a trial. */
export interface TrialPartition {
  readonly topic: TrialTopic;
  readonly index: number;
  /** The records that writers sent. Records that no later judgement needs are removed (`stillNeeded`). */
  sent: SentRecord[];
  /** How many acknowledged records compaction removed, as far as reads have found. */
  compacted: number;
}

export function trialPartitions(): TrialPartition[] {
  return trialTopics.flatMap((topic) =>
    Array.from({ length: topic.partitions }, (_, index) => ({
      topic,
      index,
      sent: [],
      compacted: 0,
    })),
  );
}

export function nameOf({ topic, index }: TrialPartition): string {
  return `${topic.name}-${index}`;
}
