/**
 * Reads the committed offsets of a group again and again, with requests of Millrace's own client to the
 * group's coordinator.
 */
import type { KafkaClient } from '@millrace/client/io';
import { apis } from '@millrace/protocol';
import { ask, connect } from '../lib/wire.ts';

const PERIOD_MS = 200;
const RETRY_MS = 100;
/** The first version of OffsetFetch that can name several groups. It still identifies topics by name. */
const FETCH_VERSION = 8;
const FIND_VERSION = 4;
const CALL_LIMIT_MS = 3000;

/**
 * The committed offsets by partition, with the times of the request and of its answer (milliseconds since
 * 1970).
 */
export interface Reading {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly offsets: ReadonlyMap<number, number>;
}

export interface Coordinator {
  readonly nodeId: number;
  readonly server: string;
}

export async function coordinatorOf(bootstrapServers: string, group: string): Promise<Coordinator> {
  return await ask(bootstrapServers, async (client) => {
    const request = { keyType: 0, coordinatorKeys: [group] };
    const answer = await client.call(apis.findCoordinator, request, { version: FIND_VERSION });
    const found = answer.coordinators[0];
    if (found === undefined || found.errorCode !== 0) {
      throw new Error(`no coordinator of ${group}: error ${found?.errorCode} ${found?.errorMessage ?? ''}`);
    }
    return { nodeId: found.nodeId, server: `${found.host}:${found.port}` };
  });
}

export async function readCommitted(client: KafkaClient, group: string, topic: string): Promise<Reading> {
  const askedMs = Date.now();
  const request = { groups: [{ groupId: group, topics: null }], requireStable: true };
  const answer = await client.call(apis.offsetFetch, request, { version: FETCH_VERSION });
  const found = answer.groups[0];
  if (found === undefined || found.errorCode !== 0) throw new Error(`OffsetFetch: error ${found?.errorCode}`);
  const partitions = found.topics.find(({ name }) => name === topic)?.partitions ?? [];
  const offsets = new Map<number, number>();
  for (const { partitionIndex, committedOffset, errorCode } of partitions) {
    if (errorCode !== 0) throw new Error(`OffsetFetch of partition ${partitionIndex}: error ${errorCode}`);
    if (committedOffset >= 0) offsets.set(partitionIndex, committedOffset);
  }
  return { askedMs, answeredMs: Date.now(), offsets };
}

export class Monitor {
  readonly readings: Reading[] = [];
  readonly startedMs = Date.now();
  /** When `stop` was called; undefined before. */
  stoppedMs: number | undefined;
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(bootstrapServers: string, group: string, topic: string) {
    this.#done = this.#run(bootstrapServers, group, topic);
  }

  async #run(bootstrapServers: string, group: string, topic: string): Promise<void> {
    let client: KafkaClient | undefined;
    while (!this.#stopped) {
      try {
        client ??= await connect((await coordinatorOf(bootstrapServers, group)).server, CALL_LIMIT_MS);
        this.readings.push(await readCommitted(client, group, topic));
        await delay(PERIOD_MS);
      } catch {
        // The request failed, for example because another broker became the coordinator, or because the
        // coordinator still loads the group. The judge limits the time without a reading.
        client?.close();
        client = undefined;
        await delay(RETRY_MS);
      }
    }
    client?.close();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.stoppedMs ??= Date.now();
    await this.#done;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
