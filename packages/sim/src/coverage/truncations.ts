/**
 * The truncations and deletions that seeds must reach: every way in which a log loses written records. One
 * more item is a consumer that learns of a truncation.
 */
import type { CoverageItem, Exemption } from './item.ts';

export const truncations: readonly CoverageItem[] = [
  {
    name: 'diverged',
    sentence: 'a follower truncates its log where it diverges from its leader (KIP-595)',
    keys: ['log replica-truncated reason=diverged'],
  },
  {
    name: 'below-high-watermark',
    sentence: 'after an unclean election a follower truncates committed records',
    keys: ['log truncated-below-high-watermark'],
  },
  {
    name: 'damaged',
    sentence: 'a replica deletes its damaged log and fetches it again',
    keys: ['log replica-restarted reason=damaged'],
  },
  {
    name: 'leader-begins-later',
    sentence: 'a follower begins an empty log where the log of its leader begins',
    keys: ['log replica-restarted reason=leader-begins-later'],
  },
  {
    name: 'expired',
    sentence: 'retention raises a log start offset above expired records',
    keys: ['log log-records-expired'],
  },
  {
    name: 'deleted',
    sentence: 'a client deletes records, and the leader acknowledges it',
    keys: ['deletion of records acknowledged'],
  },
  {
    name: 'deletion-forgotten',
    sentence: 'a leader has forgotten an acknowledged deletion of records',
    keys: ['deletion of records forgotten'],
  },
  {
    name: 'segment-removed',
    sentence: 'retention removes a segment below the log start offset',
    keys: ['log log-segment-removed'],
  },
  {
    name: 'recovery',
    sentence: 'recovery truncates a log at its first damaged batch',
    keys: ['log log-cut'],
  },
  {
    name: 'segments-dropped',
    sentence: 'recovery drops the segments behind a damaged one',
    keys: ['log log-segments-dropped'],
  },
  {
    name: 'quorum-log',
    sentence: 'a controller truncates its metadata log where it diverges from its leader',
    keys: ['log quorum-log-truncated'],
  },
  {
    name: 'deleted-with-its-topic',
    sentence: 'a broker deletes a replica with its topic',
    keys: ['log replica-deleted'],
  },
  {
    name: 'stray',
    sentence: 'a broker finds a replica of a topic that was deleted while it was away',
    keys: ['log stray-replica-deleted'],
  },
  {
    name: 'consumer',
    sentence: 'a consumer learns that its position is on a truncated branch, and goes back',
    keys: ['consumer position truncated'],
  },
  {
    name: 'unsynced-lost',
    sentence: 'power fails, and unsynced data is lost',
    keys: ['disk unsynced data lost'],
  },
];

export const truncationExemptions: readonly Exemption[] = [
  {
    name: 'leader-ends-earlier',
    reason:
      'a follower sends the epoch of its last record and a leader knows its own epochs, so it always finds the divergence',
  },
  {
    name: 'log-restarted',
    reason:
      'in a run, only a power loss just after retention has expired every record of a log causes it; tests of recovery demand it',
  },
];
