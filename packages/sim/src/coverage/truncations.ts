/** Every path on which something that was written leaves a log again. */
import type { CoverageItem, Exemption } from './item.ts';

export const truncations: readonly CoverageItem[] = [
  {
    name: 'diverged',
    sentence: 'a follower cuts its log where it went another way than its leader (KIP-595)',
    keys: ['log replica-truncated reason=diverged'],
  },
  {
    name: 'below-high-watermark',
    sentence: 'after an unclean election a follower cuts what it knows to be committed',
    keys: ['log truncated-below-high-watermark'],
  },
  {
    name: 'damaged',
    sentence: 'a replica with a damaged log throws it away and fetches it anew',
    keys: ['log replica-restarted reason=damaged'],
  },
  {
    name: 'recovery',
    sentence: 'a log is cut at its first damaged batch when it is opened',
    keys: ['log log-cut'],
  },
  {
    name: 'segments-dropped',
    sentence: 'segments behind a damaged one are dropped when a log is opened',
    keys: ['log log-segments-dropped'],
  },
  {
    name: 'quorum-log',
    sentence: 'a controller cuts its metadata log where it went another way than its leader',
    keys: ['log quorum-log-truncated'],
  },
  {
    name: 'deleted-with-its-topic',
    sentence: 'a replica is deleted with its topic',
    keys: ['log replica-deleted'],
  },
  {
    name: 'stray',
    sentence: 'a broker finds a replica of a topic that was deleted while it was away',
    keys: ['log stray-replica-deleted'],
  },
  {
    name: 'consumer',
    sentence: 'a consumer is told that its position is on a branch that is gone, and goes back',
    keys: ['consumer position truncated'],
  },
  {
    name: 'unsynced-lost',
    sentence: 'power fails, and what was not synced is gone',
    keys: ['disk unsynced data lost'],
  },
];

export const truncationExemptions: readonly Exemption[] = [
  {
    name: 'leader-ends-earlier',
    reason:
      'a follower names the epoch of its last record and a leader knows its own, so it always says where they diverge',
  },
  {
    name: 'leader-begins-later',
    reason: 'no log begins above 0: neither retention nor DeleteRecords exists yet',
  },
  {
    name: 'log-restarted',
    reason: 'no log begins above 0: neither retention nor DeleteRecords exists yet',
  },
];
