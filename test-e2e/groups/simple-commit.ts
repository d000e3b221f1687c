/** Commits offsets for a group without members, like a consumer that assigns partitions to itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaClient } from '@millrace/client/io';
import { apis } from '@millrace/protocol';
import { connect } from '../lib/wire.ts';
import { coordinatorOf } from './monitor.ts';

const LIMIT_MS = 60_000;
const RETRY_MS = 100;
const COMMIT_VERSION = 8;

/** Commits `offsets`, one for each partition. The group must have no members. */
export async function commitWithoutMember(
  bootstrapServers: string,
  group: string,
  topic: string,
  offsets: readonly number[],
): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  // Tries again after an error, because the coordinator answers with errors until it has loaded its partition
  // of the offsets topic.
  for (let failure = 'not tried'; failure !== ''; ) {
    failure = await tryCommit(bootstrapServers, group, topic, offsets);
    if (failure === '') return;
    if (Date.now() > deadline) throw new Error(`the commit failed: ${failure}`);
    await sleep(RETRY_MS);
  }
}

/** Tries to commit. Returns an empty string, or why the commit failed. */
async function tryCommit(
  bootstrapServers: string,
  group: string,
  topic: string,
  offsets: readonly number[],
): Promise<string> {
  const partitions = offsets.map((committedOffset, partitionIndex) => ({
    partitionIndex,
    committedOffset,
    committedLeaderEpoch: -1,
    committedMetadata: '',
  }));
  const member = { generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null };
  let client: KafkaClient | undefined;
  try {
    client = await connect((await coordinatorOf(bootstrapServers, group)).server);
    const request = { groupId: group, ...member, topics: [{ name: topic, partitions }] };
    const answer = await client.call(apis.offsetCommit, request, { version: COMMIT_VERSION });
    const results = answer.topics.flatMap((one) => one.partitions);
    return results.some(({ errorCode }) => errorCode !== 0) ? JSON.stringify(results) : '';
  } catch (error) {
    return (error as Error).message;
  } finally {
    client?.close();
  }
}
