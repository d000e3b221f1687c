/**
 * An Apache Kafka cluster of one node. A test stops it, looks into its log directory, and starts it again.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Uuid } from '@millrace/base';
import { apis } from '@millrace/protocol';
import { startPeerKafka } from '../bench/peer-kafka.ts';
import type { Cluster } from '../lib/cluster.ts';
import { alterTopic, ask, createTopic, endOffsets } from '../lib/wire.ts';

const HEAP_MEGABYTES = 256;
const WAIT_LIMIT_MS = 60_000;
/** After a SIGSTOP, every thread of a process has stopped within this time. */
const FREEZE_MS = 100;
const START_OFFSETS = 'log-start-offset-checkpoint';
const CLEANED_OFFSETS = 'cleaner-offset-checkpoint';
const CHECKPOINTS = [
  'recovery-point-offset-checkpoint',
  'replication-offset-checkpoint',
  START_OFFSETS,
  CLEANED_OFFSETS,
];

/** The id of the node, in the meta.properties of its folder. */
export const PEER_NODE_ID = 1;

export class PeerFolder {
  private readonly cluster: Cluster;

  static async start(): Promise<PeerFolder> {
    const settings = {
      'log.cleaner.backoff.ms': '100',
      'log.cleaner.dedupe.buffer.size': '2000000',
      'log.flush.start.offset.checkpoint.interval.ms': '100',
      'log.index.size.max.bytes': '100000',
      'log.initial.task.delay.ms': '100',
      'log.retention.check.interval.ms': '200',
      'log.segment.delete.delay.ms': '0',
      'transaction.state.log.num.partitions': '1',
    };
    return new PeerFolder(await startPeerKafka('combined', { settings, heapMegabytes: HEAP_MEGABYTES }));
  }

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  get server(): string {
    return this.cluster.bootstrapServers;
  }

  get directory(): string {
    return join(this.cluster.folder!, `node-${PEER_NODE_ID}`, 'data');
  }

  /** Creates a topic with one partition, and returns its id. */
  async create(name: string, configs: Readonly<Record<string, string>>): Promise<Uuid> {
    await createTopic(this.server, { name, partitions: 1, replicas: 1, configs });
    return await ask(this.server, async (client) => {
      const answer = await client.call(apis.metadata, { topics: [{ name }], allowAutoTopicCreation: false });
      return answer.topics[0]!.topicId as Uuid;
    });
  }

  async alter(topic: string, configs: Readonly<Record<string, string>>): Promise<void> {
    await alterTopic(this.server, topic, configs);
  }

  /** The base offsets of the topic's segments. */
  segments(topic: string): number[] {
    return readdirSync(join(this.directory, `${topic}-0`))
      .filter((name) => name.endsWith('.log'))
      .map((name) => Number.parseInt(name, 10))
      .sort((a, b) => a - b);
  }

  /** Waits until the cleaner has cleaned the topic's log up to the active segment. */
  async untilCleaned(topic: string): Promise<void> {
    const isCleaned = () => this.checkpointed(CLEANED_OFFSETS, topic) === this.segments(topic).at(-1);
    await until(`Kafka cleans ${topic}`, isCleaned);
  }

  /**
   * Waits until the checkpoint file has this log start offset, so that it survives a crash, and until the log
   * begins with this segment, because Kafka has deleted the older ones.
   */
  async untilBeginsAt(topic: string, offset: number, segment: number): Promise<void> {
    await until(
      `Kafka deletes segments of ${topic}`,
      () => this.segments(topic)[0] === segment && this.checkpointed(START_OFFSETS, topic) === offset,
    );
  }

  private checkpointed(checkpoint: string, topic: string): number | undefined {
    const file = join(this.directory, checkpoint);
    if (!existsSync(file)) return undefined;
    const line = linesOf(file).find((text) => text.startsWith(`${topic} 0 `));
    return line === undefined ? undefined : Number(line.split(' ')[2]);
  }

  /** Copies the folder as a kill would leave it: nothing changes while the node is frozen. */
  async copyFrozen(target: string): Promise<void> {
    const pid = (await this.cluster.nodes())[0]!.pid!;
    process.kill(pid, 'SIGSTOP');
    try {
      await sleep(FREEZE_MS);
      cpSync(this.directory, target, { recursive: true });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }

  /** Stops the node cleanly. Its folder stays. */
  async stop(): Promise<void> {
    await this.cluster.stop(true);
  }

  /** Starts the node, and waits until it serves the topics. */
  async startAgain(topics: readonly string[]): Promise<void> {
    await this.cluster.startAll();
    for (const topic of topics)
      await until(`Kafka serves ${topic}`, async () => (await endOffsets(this.server, topic))[0] !== -1);
  }

  async remove(): Promise<void> {
    await this.cluster.stop();
  }
}

/** Copies the lines of these topics from the checkpoints of one log directory into those of another. */
export function addCheckpoints(from: string, to: string, topics: readonly string[]): void {
  for (const name of CHECKPOINTS) {
    const isOfTopic = (line: string) => topics.some((topic) => line.startsWith(`${topic} 0 `));
    const [source, target] = [join(from, name), join(to, name)];
    const kept = (existsSync(target) ? linesOf(target) : []).filter((line) => !isOfTopic(line));
    const added = (existsSync(source) ? linesOf(source) : []).filter(isOfTopic);
    const lines = [...kept, ...added];
    writeFileSync(target, ['0', String(lines.length), ...lines, ''].join('\n'));
  }
}

/** The lines of a checkpoint, without its version and the number of its lines. */
function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(2).filter(Boolean);
}

export async function until(what: string, isMet: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_LIMIT_MS;
  while (!(await isMet())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${WAIT_LIMIT_MS} ms`);
    await sleep(20);
  }
}
