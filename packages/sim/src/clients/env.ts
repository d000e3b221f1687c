/** What the code of a client uses. Each client is a process of its own on a machine of its own. */
import type { Address, Millis, Net, Random, Uuid } from '@millrace/base';
import type { History } from '@millrace/checkers';
import { type CompressionCodecs, errorName } from '@millrace/protocol';
import { type Life, MILLISECOND, type Micros, SECOND, type World } from '../world/index.ts';

export interface ClientEnv {
  /** For example `p1`, `q1` or `a1`. The client id is the same. */
  readonly name: string;
  readonly world: World;
  readonly life: Life;
  readonly net: Net;
  readonly random: Random;
  readonly bootstrap: readonly Address[];
  readonly history: History;
  readonly codecs: CompressionCodecs;
  /** Whether brokers may create the missing topics that the client asks for. */
  readonly createsTopics: boolean;
  /** See TopicIds.named. */
  readonly topicIdOf: (name: string, sinceUs: Micros) => Uuid | undefined;
  /** See TopicIds.ofOffsets. */
  readonly topicIdOfOffsets: (name: string, sinceUs: Micros) => Uuid | undefined;
}

/**
 * The id of the topic that an answer is about. The answer arrives now. Its request named the topic as `name`,
 * and had the timeout `timeoutMs`. Undefined if no topic had the name in this time, or several had it.
 */
export function topicAnswered(env: ClientEnv, name: string, timeoutMs: Millis): Uuid | undefined {
  return env.topicIdOf(name, env.world.nowUs - timeoutMs * MILLISECOND - SECOND);
}

/** For coverage: counts an error code on the wire. */
export function countError(env: ClientEnv, code: number): void {
  if (code !== 0) env.world.count(`error ${errorName(code)}`);
}
