/**
 * `millrace consume`: prints records. It reads partitions that the user chooses, as kcat -C does, or joins a
 * group, as kcat -G does.
 */
import {
  Consumer,
  GroupConsumer,
  type GroupProtocol,
  partitionName,
  type StoredPlace,
  type TopicPartition,
} from '@millrace/client';
import type { ClusterClient, KafkaCluster } from '@millrace/client/io';
import { type Format, type FormatOptions, formatOf } from '../consume/format.ts';
import { GroupEnds } from '../consume/group-ends.ts';
import { Printer } from '../consume/printer.ts';
import { parseRange, type Range, rangesOf, startsOf } from '../consume/start.ts';
import { type WaitingNote, waitingNote } from '../consume/waiting-note.ts';
import { INTERRUPTED, nextInterrupt } from '../interrupt.ts';
import { offsetsAt } from '../offsets-at.ts';
import { partitionsIn, placeOf } from '../topic-list.ts';
import { UserError } from '../user-error.ts';
import { type Bootstrap, withCluster } from '../with-cluster.ts';

export interface ConsumeOptions extends Bootstrap, FormatOptions {
  readonly topic?: readonly string[];
  readonly partition?: string;
  readonly group?: string;
  readonly offset?: readonly string[];
  readonly count?: number;
  readonly exit?: boolean;
  readonly quiet?: boolean;
  /** Default: classic. */
  readonly groupProtocol?: 'classic' | 'consumer';
  readonly assignor?: 'range' | 'cooperative-sticky' | 'uniform';
  readonly instanceId?: string;
  readonly commit: boolean;
}

/** Defaults of Kafka's Java consumer, except the rebalance timeout. */
const AUTO_COMMIT_MS = 5_000;
const SESSION_TIMEOUT_MS = 45_000;
const HEARTBEAT_MS = 3_000;
const REBALANCE_TIMEOUT_MS = 60_000;
/** Timeout of a commit, and of leaving the group at the end. */
const REQUEST_TIMEOUT_MS = 10_000;

const FETCHING = {
  usesSessions: true,
  sendsEpochs: true,
  validatesPositions: true,
  maxWaitMs: 500,
  maxBytes: 4 << 20,
} as const;

export async function consume(words: readonly string[], options: ConsumeOptions): Promise<void> {
  const topics = [...new Set([...words, ...(options.topic ?? [])])];
  if (topics.length === 0) throw new UserError('no topic given: millrace consume TOPIC');
  const range = parseRange(options.offset ?? []);
  const format = formatOf(options);
  const partitions = partitionList(options.partition);
  refuseCombinations(options, topics, range);
  const interrupt = nextInterrupt();
  try {
    await withCluster(options, async (cluster) => {
      const outcome = Promise.withResolvers<Outcome>();
      const end = watchOutput((error) => {
        if (error === undefined) outcome.resolve('done');
        else outcome.reject(error);
      });
      void interrupt.came.then(() => outcome.resolve('interrupted'));
      const isEndless = options.count === undefined && !options.exit && range.endMs === undefined;
      try {
        const how = await read(cluster, { options, topics, partitions, range, format }, outcome);
        if (how === 'interrupted' && !isEndless) process.exitCode = INTERRUPTED;
      } finally {
        end();
      }
    });
  } finally {
    interrupt.forget();
  }

  /**
   * Reads until `outcome` is settled, then closes the reader. Throws a UserError if the last commit of the
   * group failed.
   */
  async function read(cluster: KafkaCluster, wanted: Wanted, outcome: PromiseWithResolvers<Outcome>) {
    const note = (text: string) => {
      if (!options.quiet) process.stderr.write(`${text}\n`);
    };
    const printer = new Printer({
      stream: process.stdout,
      format,
      count: options.count,
      printed: (place, offset, leaderEpoch) => reader?.printed(place, offset, leaderEpoch),
      behind: (isBehind) => (isBehind ? reader?.pause() : reader?.resume()),
      finished: () => outcome.resolve('done'),
      failed: (place, offset, error) =>
        outcome.reject(cannotRead(place, `the record at offset ${offset} cannot be decoded (${error})`)),
    });
    let reader: Reader | undefined;
    const opening = open({ cluster, printer, note, failed: outcome.reject }, wanted);
    // A signal may end the command while the reader is still opening.
    const opened = await Promise.race([opening, outcome.promise]);
    if (typeof opened === 'string') return opened;
    reader = opened;
    let commitError: string | undefined;
    try {
      reader.start();
      await outcome.promise;
    } finally {
      // A second signal ends the process at once, without a commit and without leaving the group.
      interrupt.forget();
      printer.stop();
      await printer.flushed();
      commitError = await reader.close();
    }
    if (commitError !== undefined)
      throw new UserError(`the last commit failed, so the group reads some records again: ${commitError}`);
    return await outcome.promise;
  }
}

type Outcome = 'done' | 'interrupted';

interface Wanted {
  readonly options: ConsumeOptions;
  readonly topics: readonly string[];
  readonly partitions: readonly number[] | undefined;
  readonly range: Range;
  readonly format: Format;
}

async function open(run: Run, { options, topics, partitions, range }: Wanted): Promise<Reader> {
  const known = topics.filter((topic) => !topic.startsWith('^'));
  const counts = await countsOf(run.cluster, known);
  if (options.group !== undefined) return inGroup(run, options, range, topics);
  const named = known.map((topic) => ({ topic, partitions }));
  return await assigned(run, options, range, partitionsIn(named, counts));
}

interface Run {
  readonly cluster: KafkaCluster;
  readonly printer: Printer;
  readonly note: (text: string) => void;
  readonly failed: (error: Error) => void;
}

interface Reader {
  start(): void;
  printed(place: StoredPlace, offset: number, leaderEpoch: number): void;
  pause(): void;
  resume(): void;
  /**
   * Stops reading. A member of a group also makes its last commit and leaves the group. Resolves with the
   * error of this commit. Undefined: the commit succeeded, or there was nothing to commit.
   */
  close(): Promise<string | undefined>;
}

function refuseCombinations(
  options: ConsumeOptions,
  topics: readonly string[],
  { start, endMs }: Range,
): void {
  const pattern = topics.find((topic) => topic.startsWith('^'));
  if (options.group === undefined) {
    if (pattern !== undefined)
      throw new UserError(`the pattern '${pattern}' needs a group: add --group NAME`);
    const { assignor, instanceId, groupProtocol, commit } = options;
    if ((assignor ?? instanceId ?? groupProtocol) !== undefined || !commit)
      throw new UserError(
        '--group-protocol, --assignor, --instance-id and --no-commit are for members of a group: add --group NAME',
      );
    return;
  }
  if (options.partition !== undefined)
    throw new UserError('--partition does not go with --group: the group assigns the partitions');
  if ((start.kind !== 'beginning' && start.kind !== 'end') || endMs !== undefined)
    throw new UserError(
      'in a group -o may be beginning or end, for partitions without a committed offset; `millrace group reset` moves committed offsets',
    );
  const { assignor, groupProtocol = 'classic' } = options;
  const allowed = groupProtocol === 'classic' ? ['range', 'cooperative-sticky'] : ['uniform', 'range'];
  if (assignor !== undefined && !allowed.includes(assignor))
    throw new UserError(
      `the ${groupProtocol} protocol has no assignor '${assignor}'; it has ${allowed.join(' and ')}`,
    );
  if (pattern === undefined) return;
  if (pattern === '^')
    throw new UserError(
      "the pattern '^' is empty: an expression stands behind the ^, for example '^orders-.*'",
    );
  if (groupProtocol === 'classic')
    throw new UserError(`the pattern '${pattern}' needs --group-protocol consumer: the broker matches it`);
  if (topics.length > 1)
    throw new UserError(`the pattern '${pattern}' stands alone: a group member has names or one pattern`);
}

async function countsOf(cluster: KafkaCluster, topics: readonly string[]): Promise<Map<string, number>> {
  const found = await cluster.describe(topics);
  const missing = topics.filter((topic) => !found.has(topic));
  if (missing.length > 0)
    throw new UserError(`topic '${missing[0]}' does not exist; \`millrace topic create\` creates it`);
  return new Map([...found].map(([topic, { partitions }]) => [topic, partitions.length]));
}

async function assigned(
  { cluster, printer, note, failed }: Run,
  options: ConsumeOptions,
  range: Range,
  places: readonly TopicPartition[],
): Promise<Reader> {
  const ranges = await rangesOf(cluster, places, range, options.exit === true);
  for (const { topic, partition, start, clippedFrom } of ranges)
    if (clippedFrom !== undefined)
      note(`${topic}-${partition} does not have offset ${clippedFrom}: it begins at ${start}`);
  const starts = startsOf(ranges);
  const consumer = new Consumer({
    ...FETCHING,
    clock: cluster.clock,
    cluster: cluster.view,
    topics: () => [],
    partitions: () => starts,
    start: 'earliest',
    observer: {
      records: (position, fetched) => printer.records(placeOf(position), fetched),
      assigned: (position, offset) => printer.reached(position, offset),
      failed: (position, error) => failed(cannotRead(position, error)),
    },
  });
  const client: ClusterClient = {
    wantedTopics: [...new Set(places.map(({ topic }) => topic))],
    clusterChanged: () => consumer.clusterChanged(),
  };
  return {
    start: () => {
      for (const { end, start, ...place } of ranges)
        if (end !== undefined) printer.endAt(placeOf(place), end, start);
      if (options.exit || range.endMs !== undefined) printer.endsKnown();
      cluster.add(client);
      consumer.clusterChanged();
    },
    printed: () => {},
    pause: () => consumer.pause(),
    resume: () => consumer.resume(),
    close: async () => {
      consumer.close();
      cluster.remove(client);
      return undefined;
    },
  };
}

function inGroup(
  { cluster, printer, note, failed }: Run,
  options: ConsumeOptions,
  range: Range,
  topics: readonly string[],
): Reader {
  const ends = new GroupEnds({
    printer,
    lookUp: (places, timestamp) => offsetsAt(cluster, places, timestamp),
  });
  let isClosing = false;
  let lastError: string | undefined;
  let waiting: WaitingNote | undefined;
  const consumer = new GroupConsumer({
    ...FETCHING,
    clock: cluster.clock,
    random: cluster.random,
    cluster: cluster.view,
    open: cluster.open,
    groupId: options.group!,
    protocol: protocolOf(options, topics),
    ...(options.instanceId === undefined ? {} : { instanceId: options.instanceId }),
    rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
    reset: range.start.kind === 'end' ? 'latest' : 'earliest',
    ...(options.commit ? { autoCommitMs: AUTO_COMMIT_MS } : {}),
    autoStore: false,
    commitsOnRevoke: options.commit,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    observer: {
      records: (position, fetched) => {
        ends.read(position, position.offset!);
        printer.records({ ...placeOf(position), topicId: position.topicId }, fetched);
      },
      positioned: (position, offset) => {
        ends.read(position, offset);
        printer.reached(position, offset);
      },
      assigned: (starts) => {
        waiting?.end();
        note(`assigned ${namesOf(starts)}`);
        if (options.exit) ends.assigned(starts).catch(failed);
      },
      revoked: (places, isLost) => {
        note(`${isLost ? 'lost' : 'gave up'} ${namesOf(places)}`);
        for (const place of places) printer.forget(place);
        if (options.exit) ends.revoked(places);
      },
      committed: (_offsets, error) => {
        if (isClosing) lastError = error;
        else if (error !== undefined) note(`a commit failed: ${error}`);
      },
      notFetched: (places, error) =>
        note(`the committed offsets of ${namesOf(places)} cannot be fetched now: ${error}`),
      failed: (error, place) =>
        failed(place === undefined ? groupFailed(options, error) : cannotRead(place, error)),
    },
  });
  return {
    start: () => {
      cluster.add(consumer);
      waiting = waitingNote(options.group!, note);
      consumer.start();
    },
    printed: (place, offset, leaderEpoch) => consumer.store(place, offset, leaderEpoch),
    pause: () => consumer.pause(),
    resume: () => consumer.resume(),
    close: () =>
      new Promise((resolve) => {
        isClosing = true;
        waiting?.end();
        consumer.close(() => {
          cluster.remove(consumer);
          resolve(lastError);
        });
      }),
  };
}

function protocolOf({ groupProtocol, assignor }: ConsumeOptions, topics: readonly string[]): GroupProtocol {
  if (groupProtocol === 'consumer') {
    const [pattern] = topics.filter((topic) => topic.startsWith('^'));
    // The pattern begins with ^. The broker compares the expression with the whole name of a topic, so it
    // does not need the ^.
    const subscription = pattern === undefined ? { topics } : { regex: pattern.slice(1) };
    return { name: 'consumer', subscription, serverAssignor: assignor ?? null };
  }
  return {
    name: 'classic',
    topics,
    assignor: assignor === 'cooperative-sticky' ? assignor : 'range',
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    heartbeatMs: HEARTBEAT_MS,
  };
}

/** For each error with which a group's coordinator refuses a member: the cause, or what the user can do. */
const REMEDIES: Readonly<Record<string, string>> = {
  INCONSISTENT_GROUP_PROTOCOL:
    'its members use another assignor or another protocol; try --assignor cooperative-sticky or --group-protocol consumer',
  UNSUPPORTED_VERSION: 'the broker does not have this group protocol',
  UNSUPPORTED_ASSIGNOR: 'the broker has the assignors uniform and range',
  FENCED_INSTANCE_ID: 'another process joined with this instance id',
  UNRELEASED_INSTANCE_ID: 'another process has this instance id',
  GROUP_MAX_SIZE_REACHED: 'the group has as many members as the broker allows',
  GROUP_ID_NOT_FOUND: 'the group is of another type; try --group-protocol classic',
  INVALID_GROUP_ID: 'the name of the group is empty',
};

function groupFailed({ group }: ConsumeOptions, error: string): UserError {
  const remedy = REMEDIES[error.split(' ')[0]!];
  return new UserError(
    `group '${group}' refused this member: ${error}${remedy === undefined ? '' : `: ${remedy}`}`,
  );
}

function cannotRead({ topic, partition }: TopicPartition, error: string): UserError {
  return new UserError(`${topic}-${partition} cannot be read: ${error}`);
}

function partitionList(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+(,\d+)*$/.test(text))
    throw new UserError(`invalid --partition '${text}': expected numbers, for example 0 or 0,2`);
  return [...new Set(text.split(',').map(Number))];
}

function namesOf(places: readonly TopicPartition[]): string {
  return places.map(partitionName).join(', ');
}

/**
 * Calls `ended` when the output accepts no more data. So the command can leave its group before it ends.
 * There are two cases: the reader has closed the output (`millrace consume … | head`), or a write has failed,
 * for example because the disk is full. Returns a function that ends the watch.
 */
function watchOutput(ended: (error: UserError | undefined) => void): () => void {
  const before = process.stdout.listeners('error');
  const broken = ({ code, message }: NodeJS.ErrnoException) =>
    ended(code === 'EPIPE' ? undefined : new UserError(`cannot write the output: ${code ?? message}`));
  process.stdout.removeAllListeners('error');
  process.stdout.on('error', broken);
  return () => {
    process.stdout.off('error', broken);
    for (const listener of before) process.stdout.on('error', listener as (error: Error) => void);
  };
}
