/**
 * Creates topics that clients ask for by name and that do not exist. An internal topic gets the settings that
 * its coordinator needs; any other topic gets the controller's defaults. Until the topic exists, the client
 * gets UNKNOWN_TOPIC_OR_PARTITION or COORDINATOR_NOT_AVAILABLE, and retries. Each name is in at most one
 * CreateTopics request in flight. This class keeps no topics: they are in the metadata log.
 */
import type { Logger, Random } from '@millrace/base';
import { apis, ErrorCode, errorName, joinedChunks } from '@millrace/protocol';
import type { Forward } from './handler.ts';

const CREATE_VERSION = 7;
const TIMEOUT_MS = 30_000;
/** Limit for the names in flight. A client that asks for a further topic must retry. */
const IN_FLIGHT_MAX = 10_000;
const USE_DEFAULT = -1;

/** A topic to create. The controller's default counts for each number or config that is missing. */
export interface WantedTopic {
  readonly name: string;
  readonly numPartitions?: number;
  readonly replicationFactor?: number;
  /** The number of replicas that the topic should have; the broker warns if `replicationFactor` is less. */
  readonly replicasAdvised?: number;
  readonly configs?: readonly { readonly name: string; readonly value: string }[];
}

export interface AutoTopicCreationOptions {
  readonly forward: Forward;
  readonly random: Random;
  readonly logger: Logger;
}

export class AutoTopicCreation {
  private readonly inFlight = new Set<string>();
  private readonly options: AutoTopicCreationOptions;

  constructor(options: AutoTopicCreationOptions) {
    this.options = options;
  }

  /**
   * Asks for the topics that no request in flight creates yet. The caller has checked that the names are
   * legal.
   */
  create(topicsWanted: readonly WantedTopic[], clientId: string | null): void {
    const topics: WantedTopic[] = [];
    for (const topic of topicsWanted) {
      const { name } = topic;
      if (this.inFlight.has(name) || this.inFlight.size >= IN_FLIGHT_MAX) continue;
      this.inFlight.add(name);
      topics.push({ numPartitions: USE_DEFAULT, replicationFactor: USE_DEFAULT, ...topic });
    }
    if (topics.length === 0) return;
    const wanted = topics.map(({ name }) => name);
    const meagre = topics.filter((topic) => (topic.replicationFactor ?? 0) < (topic.replicasAdvised ?? -1));
    const chunks = apis.createTopics.encodeRequest(CREATE_VERSION, { topics, timeoutMs: TIMEOUT_MS });
    this.options.forward(
      {
        apiKey: apis.createTopics.key,
        apiVersion: CREATE_VERSION,
        clientId,
        body: joinedChunks(chunks),
        timeoutMs: TIMEOUT_MS,
        requestId: this.options.random.uuid(),
      },
      ({ errorCode, body }) => {
        for (const name of wanted) this.inFlight.delete(name);
        if (errorCode === ErrorCode.NONE) this.report(body, meagre);
        else
          this.options.logger.warn('auto-topic-creation-failed', {
            topics: wanted,
            error: errorName(errorCode),
          });
      },
    );
  }

  private report(body: Uint8Array, meagre: readonly WantedTopic[]): void {
    for (const { name, errorCode, errorMessage } of apis.createTopics.decodeResponse(CREATE_VERSION, body)
      .topics) {
      if (errorCode === ErrorCode.NONE) {
        this.options.logger.info('topic-auto-created', { topic: name });
        const few = meagre.find((topic) => topic.name === name);
        if (few !== undefined)
          this.options.logger.warn('internal-topic-few-replicas', {
            topic: name,
            replicas: few.replicationFactor,
            advised: few.replicasAdvised,
          });
      } else if (errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS)
        this.options.logger.warn('auto-topic-creation-failed', {
          topics: [name],
          error: errorName(errorCode as ErrorCode),
          detail: errorMessage,
        });
    }
  }
}
