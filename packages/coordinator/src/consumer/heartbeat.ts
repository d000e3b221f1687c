/**
 * Decides a heartbeat of a member that joins or stays. First updates the member's subscription, then the
 * group epoch, then the target assignment. Then the member makes one step towards its target. The functions
 * of this file add records to a decision, and change nothing else.
 */
import type { WallMillis } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import { type ConsumerGroupHeartbeatRequest, ErrorCode } from '@millrace/protocol';
import type { ClientFacts } from '../client-facts.ts';
import type { Decision } from './decision.ts';
import { assignmentRecord, memberMetadataRecord, regexRecord } from './group-records.ts';
import {
  type Member,
  MemberState,
  regexOf,
  sameAssignment,
  sameMetadata,
  sameNames,
  sortedNames,
} from './member.ts';
import type { ConsumerGroupSettings, RebalanceCause } from './ports.ts';
import { type Claim, reconcile } from './reconcile.ts';
import { type Refusal, refusal } from './refusal.ts';
import { regexFault } from './regex.ts';
import { Subscriptions, subscriptionHash } from './subscriptions.ts';
import { assignTarget, mayAssign, preferredAssignor } from './target.ts';

/** The facts outside of the group on which a decision depends. */
export interface Circumstances {
  readonly image: MetadataImage;
  readonly settings: ConsumerGroupSettings;
  readonly now: WallMillis;
  /** True if subscribed topics may have changed since the group epoch was set. */
  readonly topicsMayDiffer: boolean;
}

/**
 * The member, updated with the fields of the request. If a field of the request is null, or -1 for the
 * rebalance timeout, the member keeps its value.
 */
export function toldMember(
  member: Member,
  request: ConsumerGroupHeartbeatRequest,
  { clientId, clientHost }: ClientFacts,
): Member {
  const { subscribedTopicNames: names, rebalanceTimeoutMs } = request;
  return {
    ...member,
    instanceId: request.instanceId ?? member.instanceId,
    rackId: request.rackId ?? member.rackId,
    clientId,
    clientHost,
    subscribedTopicNames: names === null ? member.subscribedTopicNames : sortedNames(names),
    subscribedTopicRegex: request.subscribedTopicRegex ?? member.subscribedTopicRegex,
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : rebalanceTimeoutMs,
    serverAssignor: request.serverAssignor ?? member.serverAssignor,
    classic: null,
  };
}

/**
 * Makes the whole decision of a heartbeat, after the group has found the member. `before` is the member
 * before the heartbeat, perhaps a new one. `told` is the member with the fields of the request. Returns the
 * member after the decision.
 */
export function decideHeartbeat(
  decision: Decision,
  before: Member,
  told: Member,
  claim: Claim,
  circumstances: Circumstances,
): Member | Refusal {
  const fault = regexRefusal(decision, before, told);
  if (fault !== undefined) return fault;
  const subscription = updateMember(decision, before, told);
  raiseEpoch(decision, told, subscription, circumstances);
  updateTarget(decision, circumstances);
  const member = decision.state.members.get(told.memberId) ?? told;
  const changed = subscription.namesChanged || subscription.regex !== 'same';
  return step(decision, member, changed, claim, circumstances.image);
}

/**
 * If another member already has the expression, the expression is valid, so the group does not compile it
 * again.
 */
function regexRefusal({ state }: Decision, before: Member, told: Member): Refusal | undefined {
  const regex = regexOf(told);
  if (regex === undefined || regex === regexOf(before) || state.regexes.of(regex) > 0) return undefined;
  return invalidRegex(regex);
}

/** Undefined: the expression is valid. */
export function invalidRegex(regex: string): Refusal | undefined {
  const fault = regexFault(regex);
  if (fault === undefined) return undefined;
  return refusal(
    ErrorCode.INVALID_REGULAR_EXPRESSION,
    `SubscribedTopicRegex \`${regex}\` is not a valid regular expression: ${fault}.`,
  );
}

interface SubscriptionChange {
  readonly isNew: boolean;
  readonly namesChanged: boolean;
  /**
   * `unresolved`: the topics of the new expression are not known yet, so the group need not compute a new
   * assignment now.
   */
  readonly regex: 'same' | 'unresolved' | 'resolved';
}

function updateMember(decision: Decision, before: Member, told: Member): SubscriptionChange {
  const isNew = !decision.state.members.has(told.memberId);
  if (isNew || !sameMetadata(before, told))
    decision.add(memberMetadataRecord(decision.groupId, told.memberId, told));
  const [oldRegex, newRegex] = [regexOf(before), regexOf(told)];
  const namesChanged = !sameNames(before.subscribedTopicNames, told.subscribedTopicNames);
  if (oldRegex === newRegex) return { isNew, namesChanged, regex: 'same' };
  if (oldRegex !== undefined && decision.state.regexes.of(oldRegex) === 0)
    decision.add(regexRecord(decision.groupId, oldRegex, null));
  const isResolved = newRegex === undefined || decision.state.resolvedRegexes.has(newRegex);
  return { isNew, namesChanged, regex: isResolved ? 'resolved' : 'unresolved' };
}

function raiseEpoch(
  decision: Decision,
  told: Member,
  subscription: SubscriptionChange,
  { image, settings, topicsMayDiffer }: Circumstances,
): void {
  const cause = causeOf(decision, subscription, settings);
  const { memberId, clientId, clientHost } = told;
  // The rebalance of a classic group needs a successor, even if no subscription changes. In its first
  // rebalance the classic group has generation 0, and no member may have the epoch 0.
  if (cause !== undefined || decision.endsRebalance) {
    const why = subscription.isNew || cause === undefined ? 'member-joined' : cause;
    decision.raiseEpoch(image, { cause: why, memberId, clientId, clientHost });
  } else if (topicsMayDiffer && subscriptionHash(decision.state, image) !== decision.state.metadataHash) {
    decision.raiseEpoch(image, { cause: 'topic-changed', memberId: null, clientId: null, clientHost: null });
  }
}

function causeOf(
  { before, state }: Decision,
  { isNew, namesChanged, regex }: SubscriptionChange,
  settings: ConsumerGroupSettings,
): RebalanceCause | undefined {
  if (namesChanged) return 'subscription-changed';
  if (regex === 'resolved') return 'regex-changed';
  if (isNew) return undefined;
  const assignorChanged = preferredAssignor(before, settings) !== preferredAssignor(state, settings);
  return assignorChanged ? 'assignor-changed' : undefined;
}

function updateTarget(decision: Decision, { image, settings, now }: Circumstances): void {
  const { state } = decision;
  if (state.assignmentEpoch < state.groupEpoch && mayAssign(state, settings, now))
    assignTarget(decision, image, settings, now);
}

/** Moves the member one step towards its target assignment (reconcile.ts). */
export function step(
  decision: Decision,
  member: Member,
  subscriptionChanged: boolean,
  claim: Claim,
  image: MetadataImage,
): Member | Refusal {
  const { groupId, state } = decision;
  const { memberId } = member;
  const isThere = member.state === MemberState.STABLE && member.memberEpoch === state.assignmentEpoch;
  if (isThere && !subscriptionChanged) return member;
  const next = reconcile(member, {
    assignmentEpoch: state.assignmentEpoch,
    target: state.target(memberId),
    topics: new Subscriptions(state, image).topicIds(member),
    subscriptionChanged,
    ...claim,
    holder: (topic, partition) => state.holders.holder(topic, partition),
  });
  if (next === undefined)
    return refusal(
      ErrorCode.FENCED_MEMBER_EPOCH,
      'The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.',
    );
  if (sameAssignment(member, next)) return member;
  decision.add(assignmentRecord(groupId, memberId, next));
  return next;
}
