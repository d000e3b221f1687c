/**
 * A group member that uses kafkajs. The library ends every ownership at a rebalance. It supports neither
 * static members nor the new protocol (KIP-848).
 *
 * usage: node kafkajs.ts NAME=VALUE …     (../member-lines.ts)
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Consumer, type EachBatchPayload, Kafka, logLevel } from 'kafkajs';
import { parseArguments } from '../member-lines.ts';
import { emit, errorText, numberOf, Owned, Pending, untilStopped } from './lines.ts';

const STOP_LIMIT_MS = 5000;
const settings = parseArguments(process.argv.slice(2));
const { topic } = settings;
const owned = new Owned();
const pending = new Pending(settings.commitMs);
// The library sends all retries of a request to the same coordinator, even if that broker is gone. After the
// last retry, the library restarts its consumer.
const retry = { retries: 5, initialRetryTime: 100, maxRetryTime: 500 };
const kafka = new Kafka({
  clientId: 'member',
  brokers: settings.bootstrap.split(','),
  logLevel: logLevel.NOTHING,
  requestTimeout: settings.rebalanceMs + 5000,
  connectionTimeout: 2000,
  retry,
});
const consumer = kafka.consumer({
  groupId: settings.group,
  sessionTimeout: settings.sessionMs,
  heartbeatInterval: settings.heartbeatMs,
  rebalanceTimeout: settings.rebalanceMs,
  metadataMaxAge: 1000,
  maxWaitTimeInMs: 100,
  retry: { ...retry, restartOnFailure: async () => true },
});

let committing: Promise<unknown> = Promise.resolve();
let isStopping = false;
let hasCrashed = false;
watch(consumer);
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({ autoCommit: false, eachBatch: processBatch });
// No further batch may come for a while after a batch. So this timer also commits between batches.
const timer = setInterval(() => void (pending.isDue && commit()), settings.commitMs);
await untilStopped();
isStopping = true;
clearInterval(timer);
await commit();
owned.become([]);
// After a crash, `stop` may never end, and in some runs no timer fires meanwhile. The coordinator removes
// such a member when its session expires.
if (!hasCrashed)
  await Promise.race([consumer.stop().then(() => consumer.disconnect()), sleep(STOP_LIMIT_MS)]);
emit({ e: 'closed' });
process.exit(0);

function watch({ events, on }: Consumer): void {
  const forget = (how: 'revoked' | 'lost') => {
    pending.clear();
    owned.become([], how);
  };
  on(events.REBALANCING, () => forget('revoked'));
  on(events.GROUP_JOIN, ({ payload }) => {
    forget('lost');
    owned.become(payload.memberAssignment[topic] ?? []);
  });
  // Only this event shows that a commit was sent and acknowledged. The promise of a commit also resolves if
  // the library sent nothing because it had stopped after an error.
  on(events.COMMIT_OFFSETS, ({ payload }) => {
    const partitions = payload.topics.flatMap((one) => one.partitions);
    emit({ e: 'commit', o: Object.fromEntries(partitions.map((p) => [p.partition, Number(p.offset)])) });
  });
  on(events.CRASH, ({ payload }) => {
    hasCrashed = true;
    emit({ e: 'error', m: errorText(payload.error) });
    forget('lost');
  });
}

async function processBatch({ batch, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
  if (isStopping) return;
  // Leaves out records that are already processed: after an error, the library passes the same batch to this
  // function again.
  const from = owned.position(batch.partition);
  const messages = batch.messages.filter(({ offset }) => Number(offset) >= from);
  if (isRunning() && !isStale() && owned.has(batch.partition) && messages.length > 0) {
    const o = messages.map(({ offset }) => Number(offset));
    emit({ e: 'read', p: batch.partition, o, n: messages.map(({ value }) => numberOf(value)) });
    owned.advance(batch.partition, o.at(-1)! + 1);
    pending.processed(batch.partition, o.at(-1)!);
  }
  if (pending.isDue) {
    const failure = await commit();
    if (failure !== undefined) throw failure; // The library then joins again, if the error says so.
  }
  await heartbeat();
}

/** Sends one commit at a time, because two concurrent commits could arrive in the wrong order. */
async function commit(): Promise<unknown> {
  committing = committing.then(sendCommit);
  return await committing;
}

async function sendCommit(): Promise<unknown> {
  const offsets = pending.take(owned);
  if (offsets.length === 0) return undefined;
  try {
    await consumer.commitOffsets(
      offsets.map(([partition, offset]) => ({ topic, partition, offset: String(offset) })),
    );
    return undefined;
  } catch (error) {
    emit({ e: 'commit', o: Object.fromEntries(offsets), m: errorText(error) });
    return error;
  }
}
