/**
 * Seeds that once found a bug, each with its story. When the simulator's draws change, a seed becomes another
 * run, so a scenario test (named beside the seed) guards against the bug. The seed stays because its new run
 * may find another bug.
 */
import { expect, test } from 'vitest';
import { simulateGuarded } from '../../src/io/index.ts';

const kept: readonly [seed: number, story: string][] = [
  [
    7,
    'power fails everywhere: controllers come back with new directory ids (log: a data folder durable by name)',
  ],
  [
    55,
    'a lost AlterPartition arrives after its retry was refused, and lets in a replica that lags (controller: alter-partition)',
  ],
  [
    62,
    'a misdirected write puts a batch of other offsets at the start of a log, and the leader serves it (replication: damaged-log)',
  ],
  [
    117,
    'the last member of an ISR lost its disk; an empty replica leads though another has everything (controller: elections)',
  ],
  [
    158,
    'a damaged replica that a fence put into the ELR deletes its log, and is elected when the leader stops (replication: damaged-log)',
  ],
  [196, 'the disk is full while a broker notes the cluster id: an exception (log: log-directory)'],
  [213, 'a replica whose log could not be opened on a full disk stays so when there is room (replication)'],
  [
    271,
    'the second batch of a new producer is appended before its refused first (replication: what a producer sent behind)',
  ],
  [
    304,
    'a broker loses power while the other member of the ISR stops cleanly: only the broker that lost its tail is left in the ISR (ELR)',
  ],
  [
    320,
    'a clean stop, a damaged log, a clean registration: elected with a log cut from 93 to 7 (log: log-directory)',
  ],
  [
    505,
    'a producer had more batches open than a broker remembers, and got OUT_OF_ORDER_SEQUENCE_NUMBER (the simulated client waits now)',
  ],
  [813, 'a sector under a follower cannot be read while it appends: an exception (log: appendAsFollower)'],
  [
    1724,
    'a producer sends to the new leader while its first batches are under way to the old one (the simulated client waits now)',
  ],
  [
    1751,
    'the session of a broker ends after its fence, and the checker takes the fence of its next stop for one of silence (checker zombie-leader)',
  ],
  [
    2395,
    'a late leader checks costly batches of clients that have timed out, and their retries, and stays late (broker: closed-by-client)',
  ],
  [
    5201,
    'a controller dies in the turn in which it committed a topic: acknowledged, and no other node knows it yet (checker)',
  ],
  [
    5082,
    'a first batch is refused while the log cannot be opened, the one behind it is appended (replication: nor before one that was refused)',
  ],
  [
    6203,
    'a damaged leader committed records before the checker looked at any intact replica: the ledger began in the middle (checker)',
  ],
  [6955, 'a clock jumps by more than a day, and a broker rightly forgets a producer (faults: clock-jump)'],
  [9479, 'a rolling restart continued after the faults were over (faults: later)'],
  [11616, 'a power loss restores truncated sectors below a checkpointed high watermark (checker)'],
  [15280, 'a power loss restores truncated bytes of an older segment, and reads stop there (log: recover)'],
  [
    16283,
    'a log is truncated below its recovery point and written again; after a kill the old point covers the new bytes (log: log-directory)',
  ],
];

test.each(kept)('seed %i: %s', (seed) => {
  const { sentence, verdict } = simulateGuarded({ seed });
  expect([verdict, sentence]).toEqual(['passed', undefined]);
});
