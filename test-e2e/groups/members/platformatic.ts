/**
 * A group member that uses @platformatic/kafka.
 *
 * usage: node platformatic.ts NAME=VALUE …     (../member-lines.ts)
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Consumer, type ConsumerOptions } from '@platformatic/kafka';
import { DROPPED, parseArguments } from '../member-lines.ts';
import { commitAndTell, emit, errorText, numberOf, Owned, Pending, untilStopped } from './lines.ts';

const RESTART_MS = 200;
const settings = parseArguments(process.argv.slice(2));
const { topic } = settings;
const owned = new Owned();
const pending = new Pending(settings.commitMs);
const isClassic = settings.protocol === 'classic';
type Options = ConsumerOptions<Buffer, Buffer, Buffer, Buffer>;
const group = isClassic
  ? {
      groupProtocol: 'classic',
      protocols: [{ name: settings.assignor, version: 1 }],
    }
  : { groupProtocol: 'consumer', groupRemoteAssignor: settings.assignor };
const consumer = new Consumer({
  clientId: 'member',
  bootstrapBrokers: settings.bootstrap.split(','),
  groupId: settings.group,
  ...(settings.instance === undefined ? {} : { groupInstanceId: settings.instance }),
  ...group,
  // The constructor checks the session timeout and the heartbeat interval even with the new protocol
  // (KIP-848), which does not use them.
  sessionTimeout: settings.sessionMs,
  heartbeatInterval: settings.heartbeatMs,
  rebalanceTimeout: settings.rebalanceMs,
  metadataMaxAge: 1000,
  maxWaitTime: 100,
  retries: 100,
  retryDelay: 100,
  connectTimeout: 2000,
  requestTimeout: settings.rebalanceMs + 5000,
} as Options);

let committing: Promise<void> = Promise.resolve();
let stopped = false;

/**
 * The library has no event for a revocation, and none for an assignment with the new protocol. It keeps the
 * assigned partitions in a public field. So this program watches the field.
 */
function listen(): void {
  let assignments = consumer.assignments;
  Object.defineProperty(consumer, 'assignments', {
    get: () => assignments,
    set: (value: typeof assignments) => {
      assignments = value;
      if (stopped) return;
      // For a cooperative member, the library empties the list only in one case: after a refused request,
      // before it joins again.
      if (isClassic && value?.length === 0 && owned.all.length > 0) emit({ e: 'error', m: DROPPED });
      owned.become(value?.find((assignment) => assignment.topic === topic)?.partitions ?? []);
    },
  });
}

listen();

consumer.on('consumer:heartbeat:error', ({ error }) => emit({ e: 'error', m: errorText(error) }));

void work();
// No further record may come for a while after a record. So this timer also commits between records.
const timer = setInterval(() => void (pending.isDue && commit()), settings.commitMs);
await untilStopped();
stopped = true;
clearInterval(timer);
await commit();
pending.clear();
owned.become([]);
await consumer.close(true).catch((error) => emit({ e: 'error', m: errorText(error) }));
emit({ e: 'closed' });
process.exit(0);

/**
 * Processes records until the member stops. A failed request ends the library's stream of records; then this
 * function begins another stream.
 */
async function work(): Promise<void> {
  while (!stopped) {
    try {
      const stream = await consumer.consume({
        topics: [topic],
        mode: 'committed',
        fallbackMode: 'earliest',
        autocommit: false,
        maxWaitTime: 100,
      });
      for await (const message of stream) {
        if (stopped) return;
        if (!owned.has(message.partition)) continue;
        if (!owned.hasPosition(message.partition)) await beginAtCommitted(message.partition);
        if (!owned.has(message.partition)) continue;
        const offset = Number(message.offset);
        // With each new assignment the library reads again from an older committed offset, even on partitions
        // that the member keeps. If the member processed these records again, its committed offsets would
        // move back.
        if (offset < owned.position(message.partition)) continue;
        owned.advance(message.partition, offset + 1);
        emit({ e: 'read', p: message.partition, o: [offset], n: [numberOf(message.value)] });
        pending.processed(message.partition, offset);
        if (pending.isDue) await commit();
      }
    } catch (error) {
      emit({ e: 'error', m: errorText(error) });
    }
    if (!stopped) await sleep(RESTART_MS);
  }
}

/**
 * The library first notes the earliest offset for every partition of the topic. When the member gets a
 * partition, the library may fetch from there before it knows the committed offset. So this program asks for
 * the committed offset, and skips the records below it.
 */
async function beginAtCommitted(partition: number): Promise<void> {
  const committed = await consumer.listCommittedOffsets({ topics: [{ topic, partitions: [partition] }] });
  const offset = Number(committed.get(topic)?.[partition] ?? -1);
  if (owned.has(partition)) owned.advance(partition, Math.max(0, offset));
}

/** Sends one commit at a time, because two concurrent commits could arrive in the wrong order. */
async function commit(): Promise<void> {
  const before = committing;
  committing = before.then(sendCommit);
  await committing;
}

async function sendCommit(): Promise<void> {
  const offsets = pending.take(owned);
  await commitAndTell(offsets, () =>
    consumer.commit({
      offsets: offsets.map(([partition, offset]) => ({
        topic,
        partition,
        offset: BigInt(offset),
        leaderEpoch: -1,
      })),
    }),
  );
}
