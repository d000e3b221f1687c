/** `millrace group …`: the everyday commands of kafka-consumer-groups.sh. */
import { type CommittedOffset, type GroupDescription, OffsetAt, type TopicPartition } from '@millrace/client';
import { ClientError, type KafkaCluster, promised } from '@millrace/client/io';
import { groupState } from '../groups/lag.ts';
import {
  describeText,
  historyText,
  lagText,
  listText,
  memberNames,
  stateJson,
  totalText,
} from '../groups/report.ts';
import { type Ends, type PlannedOffset, planReset } from '../groups/reset-plan.ts';
import { type ResetOptions, type ResetTarget, resetTarget } from '../groups/reset-target.ts';
import { watched } from '../groups/watch.ts';
import { offsetsAt } from '../offsets-at.ts';
import { textTable } from '../text-table.ts';
import { parseTopic, partitionsIn, placeOf } from '../topic-list.ts';
import { UserError } from '../user-error.ts';
import { type Bootstrap, withCluster } from '../with-cluster.ts';

interface Common extends Bootstrap {
  readonly json?: boolean;
}

interface Watched extends Common {
  /** Seconds between two reports. */
  readonly watch?: number;
}

export async function groupList(options: Common): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { groups, failed, error } = await new Promise<{
      groups: Parameters<Parameters<KafkaCluster['groups']['list']>[0]>[0];
      failed: ReadonlyMap<number, string>;
      error: string | undefined;
    }>((resolve) =>
      cluster.groups.list((listed, silent, why) => resolve({ groups: listed, failed: silent, error: why })),
    );
    if (error !== undefined) throw new UserError(`the groups cannot be listed: ${error}`);
    if (options.json) printJson({ groups });
    else process.stdout.write(listText(groups));
    if (failed.size === 0) return;
    const silent = [...failed].map(([nodeId, why]) => `broker ${nodeId}: ${why}`);
    throw new UserError(`the list lacks the groups of some brokers (${silent.join('; ')})`);
  });
}

export async function groupDescribe(
  name: string,
  options: Watched & { readonly history?: boolean },
): Promise<void> {
  await withCluster(options, (cluster) =>
    watched(options.watch, async () => {
      const state = await existing(name, () => groupState(cluster, name, options.history === true));
      if (options.json) return `${JSON.stringify(stateJson(state))}\n`;
      return options.history
        ? `${describeText(state)}\n${historyText(state.group.rebalances)}`
        : describeText(state);
    }),
  );
}

export async function groupLag(name: string, options: Watched): Promise<void> {
  await withCluster(options, (cluster) =>
    watched(options.watch, async () => {
      const { group, partitions } = await existing(name, () => groupState(cluster, name));
      if (options.json) return `${JSON.stringify(stateJson({ group, partitions }))}\n`;
      return `${lagText(partitions)}\n${totalText(partitions)}\n`;
    }),
  );
}

export async function groupDelete(names: readonly string[], options: Bootstrap): Promise<void> {
  await withCluster(options, async (cluster) => {
    const refusals: string[] = [];
    for (const name of names)
      try {
        await deleteOne(cluster, name);
        process.stdout.write(`Deleted group ${name}.\n`);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        refusals.push(error.message);
      }
    if (refusals.length > 0) throw new UserError(refusals.join('\n'));
  });
}

async function deleteOne(cluster: KafkaCluster, name: string): Promise<void> {
  const error = await new Promise<string | undefined>((done) => cluster.groups.delete(name, done));
  if (error === 'GROUP_ID_NOT_FOUND') throw noGroup(name);
  if (error === 'NON_EMPTY_GROUP') await refuseMembers(cluster, name, 'was not deleted');
  if (error !== undefined) throw new UserError(`group '${name}' was not deleted: ${error}`);
}

export async function groupReset(
  name: string,
  options: Common &
    ResetOptions & {
      readonly topic?: readonly string[];
      readonly allTopics?: boolean;
      readonly execute?: boolean;
    },
): Promise<void> {
  const target = resetTarget(options, Date.now());
  const named = (options.topic ?? []).map(parseTopic);
  if (named.length > 0 === (options.allTopics === true))
    throw new UserError('give either --topic NAME, once or more, or --all-topics');
  await withCluster(options, async (cluster) => {
    const { exists } = await refuseMembers(cluster, name, 'cannot be reset');
    const committed = await promised<readonly CommittedOffset[]>(`group '${name}' cannot be reset`, (done) =>
      cluster.groups.listOffsets(name, null, done),
    );
    if (named.length === 0 && committed.length === 0)
      throw new UserError(`group '${name}' has no committed offsets: name its topics with --topic`);
    const names = named.map(({ topic }) => topic);
    const topics = await cluster.describe(names, false);
    const counts = new Map([...topics].map(([topic, { partitions }]) => [topic, partitions.length]));
    const places = named.length > 0 ? partitionsIn(named, counts) : committed.map(placeOf);
    const ends = await endsFor(cluster, target, places);
    const plan = planReset(target, places, committed, ends);
    const isExecuted = options.execute === true;
    if (isExecuted) await commit(cluster, name, plan);
    if (options.json) printJson({ group: name, executed: isExecuted, offsets: plan });
    else process.stdout.write(planText(plan, isExecuted) + (exists ? '' : newGroupText(name, isExecuted)));
  });
}

async function endsFor(
  cluster: KafkaCluster,
  target: ResetTarget,
  places: readonly TopicPartition[],
): Promise<Ends> {
  return {
    earliest: await offsetsAt(cluster, places, OffsetAt.EARLIEST),
    latest: await offsetsAt(cluster, places, OffsetAt.LATEST),
    atTime: target.kind === 'time' ? await offsetsAt(cluster, places, target.timestampMs) : new Map(),
  };
}

async function commit(cluster: KafkaCluster, name: string, plan: readonly PlannedOffset[]): Promise<void> {
  const offsets = plan.map((one) => ({ ...placeOf(one), offset: one.after, leaderEpoch: -1, metadata: '' }));
  const error = await new Promise<string | undefined>((done) =>
    cluster.groups.alterOffsets(name, offsets, (why) => done(why)),
  );
  // A member may have joined since the command looked at the group.
  if (error === 'UNKNOWN_MEMBER_ID') await refuseMembers(cluster, name, 'cannot be reset');
  if (error !== undefined) throw new UserError(`group '${name}' was not reset: ${error}`);
}

function planText(plan: readonly PlannedOffset[], isExecuted: boolean): string {
  const rows = plan.map(({ topic, partition, before, after, clippedFrom }) => [
    topic,
    String(partition),
    String(before ?? '-'),
    clippedFrom === undefined ? String(after) : `${after} (the log does not have ${clippedFrom})`,
  ]);
  const end = isExecuted
    ? 'The offsets are committed.\n'
    : 'This was a dry run: add --execute to commit these offsets.\n';
  return `${textTable(['TOPIC', 'PARTITION', 'BEFORE', 'AFTER'], rows)}\n${end}`;
}

function newGroupText(name: string, isExecuted: boolean): string {
  const what = isExecuted ? 'it was created' : '--execute creates it';
  return `Group '${name}' did not exist: ${what}. \`millrace group list\` lists the groups.\n`;
}

/** Throws a UserError if the group has members. A group that does not exist has no members. */
async function refuseMembers(
  cluster: KafkaCluster,
  name: string,
  what: string,
): Promise<{ readonly exists: boolean }> {
  const { group, error } = await new Promise<{ group?: GroupDescription; error?: string }>((done) =>
    cluster.groups.describe(name, (found, why) =>
      done(found === undefined ? { error: why ?? '' } : { group: found }),
    ),
  );
  if (error === 'GROUP_ID_NOT_FOUND') return { exists: false };
  if (error !== undefined) throw new UserError(`group '${name}' ${what}: ${error}`);
  const members = group?.members ?? [];
  if (members.length === 0) return { exists: true };
  const many = members.length === 1 ? 'a member' : `${members.length} members`;
  throw new UserError(
    `group '${name}' ${what} while it has ${many}; stop ${members.length === 1 ? 'it' : 'them'}, or wait until the session of a dead member ends: ${memberNames(members)}`,
  );
}

/**
 * Does the work. If it fails because the group does not exist, throws a UserError with a plain sentence
 * instead.
 */
async function existing<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ClientError && error.message.endsWith(': GROUP_ID_NOT_FOUND')) throw noGroup(name);
    throw error;
  }
}

function noGroup(name: string): UserError {
  return new UserError(`group '${name}' does not exist; \`millrace group list\` lists the groups`);
}

function printJson(object: unknown): void {
  process.stdout.write(`${JSON.stringify(object)}\n`);
}
