/**
 * The elections that seeds must reach. The controller elects the leaders of partitions. The controllers elect
 * the leader of the quorum.
 */
import type { CoverageItem, Exemption } from './item.ts';

export const partitionElections: readonly CoverageItem[] = [
  {
    name: 'clean',
    sentence: 'the controller elects a member of the ISR',
    keys: ['log leader-elected kind=isr'],
  },
  {
    name: 'eligible',
    sentence: 'the controller elects an eligible leader replica (KIP-966), because the whole ISR is away',
    keys: ['log leader-elected kind=elr'],
  },
  {
    name: 'former',
    sentence:
      'the last member of the ISR lost its disk, or the topic allows it: the controller elects a former member of the ISR',
    keys: ['log leader-elected kind=former-isr'],
  },
  {
    name: 'unclean',
    sentence: 'the controller elects a replica that was never known to have all records',
    keys: ['log leader-elected kind=unclean'],
  },
  {
    name: 'nobody',
    sentence: 'no replica can lead: the partition has no leader for a while',
    keys: ['log partitions-without-leader'],
  },
  {
    name: 'leader-fenced',
    sentence: 'the session of the leader ended',
    keys: ['log leader-elected reason=fenced'],
  },
  {
    name: 'leader-shutting-down',
    sentence: 'the leader hands over before it stops',
    keys: ['log leader-elected reason=shutting-down'],
  },
  {
    name: 'leader-started-again',
    sentence: 'the leader ended and started again before the controller noticed',
    keys: ['log leader-elected reason=registered-again'],
  },
  {
    name: 'leader-gave-up',
    sentence: 'the leader found its log damaged, and asked for another leader',
    keys: ['log leader-elected reason=gave-up'],
  },
  {
    name: 'follower-gave-up',
    sentence: 'a follower found its log damaged: the leader stays, in a new epoch',
    keys: ['log leader-elected reason=follower-gave-up'],
  },
  {
    name: 'leaderless',
    sentence: 'a replica that may lead is back',
    keys: ['log leader-elected reason=had-none'],
  },
];

export const partitionElectionExemptions: readonly Exemption[] = [
  {
    name: 'unregistered',
    reason: 'a broker stays registered for good: there is no UnregisterBroker yet',
  },
];

export const quorumElections: readonly CoverageItem[] = [
  {
    name: 'formation',
    sentence: 'controllers with empty disks form the quorum',
    keys: ['log quorum-formed'],
  },
  {
    name: 'silence',
    sentence: 'the leader has not answered for the fetch timeout',
    keys: ['log leader-timed-out'],
  },
  {
    name: 'broken-connection',
    sentence: 'the connection to the leader broke, so the controller asks the others at once',
    keys: ['log leader-connection-lost'],
  },
  {
    name: 'hand-over',
    sentence: 'a leader that stops names its successor, which stands without a pre-vote',
    keys: ['log leadership-offered'],
  },
  {
    name: 'check-quorum',
    sentence: 'a leader resigns when no majority fetches from it',
    keys: ['log quorum-lost'],
  },
  {
    name: 'pre-vote-lost',
    sentence: 'a controller asks for pre-votes, and the others have a leader or a longer log',
    keys: ['log pre-vote-lost'],
  },
  {
    name: 'vote-lost',
    sentence: 'a candidate loses: the vote is split, or another log is longer',
    keys: ['log election-lost'],
  },
  {
    name: 'activation',
    sentence: 'the new leader has applied everything committed and becomes the active controller',
    keys: ['log controller-activated'],
  },
];
