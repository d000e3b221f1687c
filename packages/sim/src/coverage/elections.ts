/**
 * Every kind of election: leaders of partitions, which the controller elects, and the leader of the quorum.
 */
import type { CoverageItem, Exemption } from './item.ts';

export const partitionElections: readonly CoverageItem[] = [
  {
    name: 'clean',
    sentence: 'a member of the ISR is elected',
    keys: ['log leader-elected kind=isr'],
  },
  {
    name: 'eligible',
    sentence: 'an eligible leader replica (KIP-966) is elected: all of the ISR is away',
    keys: ['log leader-elected kind=elr'],
  },
  {
    name: 'former',
    sentence:
      'the last member of the ISR lost its disk, or the topic allows it: one that had left the ISR is elected',
    keys: ['log leader-elected kind=former-isr'],
  },
  {
    name: 'unclean',
    sentence: 'somebody is elected who is not known to have had everything at any time',
    keys: ['log leader-elected kind=unclean'],
  },
  {
    name: 'nobody',
    sentence: 'nobody can be elected: the partition has no leader for a while',
    keys: ['log partitions-without-leader'],
  },
  {
    name: 'leader-fenced',
    sentence: 'the session of the leader ended',
    keys: ['log leader-elected reason=fenced'],
  },
  {
    name: 'leader-shutting-down',
    sentence: 'the leader wants to stop, and hands over first',
    keys: ['log leader-elected reason=shutting-down'],
  },
  {
    name: 'leader-started-anew',
    sentence: 'the leader ended and started again before anybody noticed',
    keys: ['log leader-elected reason=registered-again'],
  },
  {
    name: 'leader-gave-up',
    sentence: 'the leader found its log damaged, and asked for another leader',
    keys: ['log leader-elected reason=gave-up'],
  },
  {
    name: 'follower-gave-up',
    sentence: 'a follower found its log damaged: the leader stays, and hears anew from everybody',
    keys: ['log leader-elected reason=follower-gave-up'],
  },
  {
    name: 'leaderless',
    sentence: 'somebody who may lead is back',
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
    sentence: 'the leader has not answered for the fetch time-out',
    keys: ['log leader-timed-out'],
  },
  {
    name: 'broken-connection',
    sentence: 'the connection to the leader broke, so others are asked at once',
    keys: ['log leader-connection-lost'],
  },
  {
    name: 'hand-over',
    sentence: 'a leader that stops names its successor, who stands without a pre-vote',
    keys: ['log leadership-offered'],
  },
  {
    name: 'check-quorum',
    sentence: 'a leader that a majority does not fetch from gives up',
    keys: ['log quorum-lost'],
  },
  {
    name: 'pre-vote-lost',
    sentence: 'somebody asks around, and the others have a leader or a better log',
    keys: ['log pre-vote-lost'],
  },
  {
    name: 'vote-lost',
    sentence: 'a candidate loses: the vote was split, or another log has more',
    keys: ['log election-lost'],
  },
  {
    name: 'activation',
    sentence: 'the new leader has applied everything committed and becomes the active controller',
    keys: ['log controller-activated'],
  },
];
