/** The events of groups and their coordinators that seeds must reach. */
import type { CoverageItem, Exemption } from './item.ts';

const rebalanced = (cause: string, sentence: string): CoverageItem => ({
  name: cause,
  sentence,
  keys: [`log group-rebalanced cause=${cause}`],
});

export const groups: readonly CoverageItem[] = [
  rebalanced('member-joined', 'a member joins a group'),
  rebalanced('member-left', 'a member leaves a group'),
  rebalanced('session-expired', 'the coordinator does not hear a member for its session timeout'),
  rebalanced(
    'metadata-changed',
    'a member joins again with other metadata, for example other owned partitions',
  ),
  rebalanced('became-classic', 'the last KIP-848 member leaves a group that has classic members'),
  rebalanced('rebalance-unfinished', 'a new coordinator begins a rebalance again that the last one began'),
  {
    name: 'coordinator-moved',
    sentence: 'a broker loads groups, because it became the leader of their partition',
    keys: ['log coordinator-loaded'],
  },
  {
    name: 'coordinator-ended',
    sentence: 'a broker drops groups, because it no longer leads their partition',
    keys: ['log coordinator-ended'],
  },
  { name: 'crash', sentence: 'a member is killed', keys: ['member crash'] },
  { name: 'leave', sentence: 'a member leaves, and comes back', keys: ['member leave'] },
  { name: 'pause', sentence: 'a member pauses', keys: ['member pause'] },
  {
    name: 'replace',
    sentence: 'a static member comes back on another machine while its old process is paused',
    keys: ['member replace'],
  },
  {
    name: 'retire',
    sentence: 'a member of a mixed group leaves, and stays away in the peace',
    keys: ['member retire'],
  },
  {
    name: 'to-consumer',
    sentence: 'a member comes back with the KIP-848 protocol instead of the classic one',
    keys: ['member to consumer'],
  },
  {
    name: 'to-classic',
    sentence: 'a member comes back with the classic protocol instead of KIP-848',
    keys: ['member to classic'],
  },
];

export const groupExemptions: readonly Exemption[] = [];
