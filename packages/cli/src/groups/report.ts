/** Groups as text, and as JSON. */
import {
  byTopic,
  type GroupDescription,
  type ListedGroup,
  type MemberDescription,
  type PastRebalance,
} from '@millrace/client';
import { textTable } from '../text-table.ts';
import { type GroupState, type PartitionLag, totalLag } from './lag.ts';

const NONE = '-';

export function listText(groups: readonly ListedGroup[]): string {
  return textTable(
    ['GROUP', 'TYPE', 'STATE'],
    groups.map(({ groupId, type, state }) => [groupId, type || NONE, state || NONE]),
  );
}

export function describeText({ group, partitions }: GroupState): string {
  const { members } = group;
  const head = `${headText(group)}, ${totalText(partitions)}\n`;
  if (members.length === 0) return `${head}\nThe group has no members.\n\n${lagText(partitions)}`;
  return `${head}\n${membersText(members)}\n${lagText(partitions)}`;
}

function headText({ groupId, type, state, assignor, epoch, members }: GroupDescription): string {
  const facts = [`group ${groupId}: ${type}`, state];
  if (assignor !== '') facts.push(`assignor ${assignor}`);
  if (epoch !== undefined) facts.push(`epoch ${epoch}`);
  facts.push(`${members.length} ${members.length === 1 ? 'member' : 'members'}`);
  return facts.join(', ');
}

function membersText(members: readonly MemberDescription[]): string {
  return textTable(
    ['MEMBER', 'CLIENT', 'HOST', 'PARTITIONS'],
    members.map((member) => [nameOf(member), member.clientId, hostOf(member), assignmentText(member)]),
  );
}

function assignmentText({ assignment, target }: MemberDescription): string {
  const now = partitionsText(assignment);
  const wanted = target === undefined ? now : partitionsText(target);
  return wanted === now ? now : `${now} (on the way to ${wanted})`;
}

/** `orders:0,2 events:1` */
function partitionsText(assignment: MemberDescription['assignment']): string {
  const topics = byTopic(assignment).map(({ topic, partitions }) => `${topic}:${partitions.join(',')}`);
  return topics.length === 0 ? NONE : topics.join(' ');
}

export function lagText(partitions: readonly PartitionLag[]): string {
  if (partitions.length === 0) return 'The group has no partitions and no committed offsets.\n';
  return textTable(
    ['TOPIC', 'PARTITION', 'COMMITTED', 'END', 'LAG', 'MEMBER'],
    partitions.map(({ topic, partition, committed, end, error, lag, member }) => [
      topic,
      String(partition),
      String(committed ?? NONE),
      error === null ? String(end) : `${NONE} (${error})`,
      String(lag ?? NONE),
      member === null ? NONE : nameOf(member),
    ]),
  );
}

/** For example `lag 7`, and the number of partitions whose lag is not in the sum. */
export function totalText(partitions: readonly PartitionLag[]): string {
  const isNew = ({ committed, end }: PartitionLag) => committed === null && end !== null;
  const uncounted = partitions.filter(({ lag }) => lag === null);
  const fresh = uncounted.filter(isNew).length;
  const unknown = uncounted.length - fresh;
  const left = [
    ...(fresh > 0 ? [`${countText(fresh)} with no committed offset yet`] : []),
    ...(unknown > 0 ? [`${countText(unknown)} whose lag is not known`] : []),
  ];
  const lag = `lag ${totalLag(partitions)}`;
  return left.length === 0 ? lag : `${lag} without ${left.join(' and ')}`;
}

function countText(partitions: number): string {
  return partitions === 1 ? '1 partition' : `${partitions} partitions`;
}

export function historyText(rebalances: readonly PastRebalance[] | undefined): string {
  if (rebalances === undefined) return 'This broker keeps no history of rebalances: only Millrace does.\n';
  if (rebalances.length === 0) return 'The coordinator knows of no rebalance since it leads the group.\n';
  return textTable(
    ['TIME', 'EPOCH', 'CAUSE', 'MEMBER', 'CLIENT', 'HOST', 'REASON'],
    rebalances.map(({ atMs, epoch, cause, memberId, clientId, clientHost, reason, afterMs }) => [
      new Date(atMs).toISOString(),
      String(epoch),
      afterMs >= 0 ? `${cause} after ${afterMs} ms` : cause,
      memberId || NONE,
      clientId || NONE,
      clientHost.replace(/^\//, '') || NONE,
      reason ?? NONE,
    ]),
  );
}

/** One line of names for an error: `millrace-cli-… (client millrace-cli, host 127.0.0.1)`. */
export function memberNames(members: readonly MemberDescription[]): string {
  const names = members.map((member) => {
    const { clientId } = member;
    return `${nameOf(member)} (client ${clientId}, host ${hostOf(member)})`;
  });
  return names.join(', ');
}

export function stateJson({ group, partitions }: GroupState): object {
  const { members, rebalances, ...facts } = group;
  return {
    ...facts,
    lag: totalLag(partitions),
    members,
    partitions: partitions.map(({ member, ...one }) => ({ ...one, memberId: member?.memberId ?? null })),
    ...(rebalances === undefined ? {} : { rebalances }),
  };
}

function nameOf({ memberId, instanceId }: MemberDescription): string {
  return instanceId === null ? memberId : `${memberId} (instance ${instanceId})`;
}

function hostOf({ clientHost }: MemberDescription): string {
  return clientHost.replace(/^\//, '');
}
