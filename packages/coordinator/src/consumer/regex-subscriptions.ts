/**
 * Resolves the regular expressions of a group: finds which topics each of them matches, and repeats this in
 * refreshes. As in Kafka, a heartbeat starts a refresh if an expression is not resolved, if topics have
 * appeared, or if the last refresh is older than the configured interval. A refresh looks at every topic. So
 * while the group has a resolved expression, at most one refresh starts in ten seconds.
 */
import type { Millis } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { ShardPort } from '../runtime/machine.ts';
import type { Decision } from './decision.ts';
import { regexRecord } from './group-records.ts';
import type { GroupState } from './group-state.ts';
import type { ConsumerGroupSettings } from './ports.ts';
import type { ResolvedRegex } from './regex.ts';
import { RegexRefresh, type ResolvedRegexes } from './regex-refresh.ts';
import { subscriptionHash } from './subscriptions.ts';

const REFRESH_INTERVAL_MIN_MS: Millis = 10_000;

export class RegexSubscriptions {
  private readonly shard: ShardPort;
  private readonly refresh: RegexRefresh;
  /** The offset of the metadata at the last time when new topics appeared. */
  private newTopicsVersion = 0;

  constructor(shard: ShardPort, resolved: (resolved: ResolvedRegexes) => void) {
    this.shard = shard;
    this.refresh = new RegexRefresh(shard, resolved);
  }

  topicsAppeared(): void {
    this.newTopicsVersion = this.shard.image().offset;
  }

  /** Starts a refresh if one is due and none is running. */
  refreshIfDue(state: GroupState, settings: ConsumerGroupSettings): void {
    if (state.regexes.size === 0 || this.refresh.isRunning) return;
    const resolved = [...state.regexes.keys()].map((regex) => state.resolvedRegexes.get(regex));
    const known = resolved.filter((regex) => regex !== undefined);
    const ageMs = this.shard.wallMs() - Math.max(...known.map(({ timestamp }) => timestamp), 0);
    // If the wall clock went back, the age is negative. This must not prevent refreshes.
    if (known.length > 0 && ageMs >= 0 && ageMs <= REFRESH_INTERVAL_MIN_MS) return;
    const isDue =
      known.length < resolved.length ||
      known.some(({ version }) => version < this.newTopicsVersion) ||
      ageMs > settings.regexRefreshIntervalMs ||
      ageMs < 0;
    if (isDue) this.refresh.start(state.regexes.keys());
  }

  cancel(): void {
    this.refresh.cancel();
  }
}

/** Adds the records of a refresh to a decision. The group epoch grows if the topics of the group changed. */
export function decideResolved(decision: Decision, resolved: ResolvedRegexes, image: MetadataImage): void {
  let changed = false;
  for (const [regex, result] of resolved) {
    // The last member with this expression may have left while the refresh ran.
    if (decision.state.regexes.of(regex) === 0) continue;
    changed ||= !sameTopics(decision.state.resolvedRegexes.get(regex), result);
    decision.add(regexRecord(decision.groupId, regex, result));
  }
  if (decision.records.length === 0) return;
  const { state } = decision;
  const nobody = { memberId: null, clientId: null, clientHost: null };
  if (changed) decision.raiseEpoch(image, { cause: 'regex-changed', ...nobody });
  else if (subscriptionHash(state, image) !== state.metadataHash)
    decision.raiseEpoch(image, { cause: 'topic-changed', ...nobody });
}

function sameTopics(a: ResolvedRegex | undefined, b: ResolvedRegex): boolean {
  const before = a?.topics ?? new Set();
  if (before.size !== b.topics.size) return false;
  for (const topic of b.topics) if (!before.has(topic)) return false;
  return true;
}
