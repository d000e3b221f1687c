/** The settings of the quorum and of the brokers' sessions: rows of the table of settings (table.ts). */
import { parseVoters } from './addresses.ts';
import { setting } from './definition.ts';
import { custom, int, long } from './types.ts';

const OURS = 'Kafka has no such setting.';
const FAILOVER = 'The smaller default makes failover quicker.';

export const quorumSettings = {
  'controller.quorum.voters': setting(
    'Quorum',
    custom('list', 'a comma-separated list of id@host:port, each id at most once', parseVoters),
    undefined,
    'All controllers of the cluster. Every node must have the same list.',
  ),
  'controller.quorum.election.timeout.ms': setting(
    'Quorum',
    int(10),
    '300',
    'Shortest duration of one round of an election. A controller draws the actual duration at random, between this value and twice this value.',
    { differs: `Kafka’s default is 1000. ${FAILOVER}` },
  ),
  'controller.quorum.fetch.timeout.ms': setting(
    'Quorum',
    int(50),
    '1000',
    'A controller starts an election when it cannot reach the active controller for this long. If its connection to the active controller breaks, the controller starts the election sooner.',
    { differs: `Kafka’s default is 2000. ${FAILOVER}` },
  ),
  'controller.quorum.retry.backoff.ms': setting(
    'Quorum',
    int(0),
    '20',
    'Pause before a controller retries a failed request to another controller.',
  ),
  'metadata.log.max.record.bytes.between.snapshots': setting(
    'Quorum',
    long(1),
    String(20 << 20),
    'A controller takes a snapshot of the metadata when it has committed this many bytes of records since its last snapshot. A controller keeps two snapshots, and deletes the part of the metadata log before the older snapshot (docs/quorum.md).',
  ),
  'metadata.log.max.snapshot.interval.ms': setting(
    'Quorum',
    long(0),
    '3600000',
    'A controller takes a snapshot of the metadata this long after its last snapshot or its start, if it has committed records since then. With 0, only `metadata.log.max.record.bytes.between.snapshots` decides when it takes a snapshot.',
  ),
  'broker.session.timeout.ms': setting(
    'Quorum',
    int(100),
    '3000',
    'The controller fences a broker when no heartbeat arrives for this long, and elects other leaders for the broker’s partitions. The active controller computes the length of a broker’s lease (docs/leases.md) from the controller’s value of this setting. If the broker’s own value is smaller than this lease, the broker shortens the lease to its own value. Use the same value on every node.',
    { differs: `Kafka’s default is 9000. ${FAILOVER}` },
  ),
  'broker.session.loss.grace.ms': setting(
    'Quorum',
    int(0),
    '100',
    'When the control stream of a broker breaks, usually because the process died, the controller waits this long for the broker to come back, and then fences the broker.',
    { differs: OURS },
  ),
  'broker.heartbeat.interval.ms': setting(
    'Quorum',
    int(10),
    '500',
    'Time between the heartbeats of a broker to the active controller.',
    { differs: `Kafka’s default is 2000. ${FAILOVER}` },
  ),
};
