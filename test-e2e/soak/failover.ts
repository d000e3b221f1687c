/**
 * `npm run soak:failover`: again and again, kills the leader of a partition or the active controller with
 * kill -9, while two idempotent writers (librdkafka and the Java client) write with acks=all.
 *
 *   TRIALS=20                           the number of trials of each kind
 *   --victim leader|controller|both     default both
 *   --pace paced|fast|both              a record each 10 ms, or as fast as possible; default both
 *   --set key=value                     a setting of Millrace's nodes, to try its effect; may be repeated
 *   --peer                              against Apache Kafka instead of Millrace
 *
 * Prints a line for each trial, and a summary. Exits with code 1 if an acknowledged record is lost or
 * duplicate, the order is broken, an error reaches the application, or a node does not come back.
 */
import { parseArgs } from 'node:util';
import { oneOf, pacesOf, soak } from './runner.ts';
import type { Victim } from './trial.ts';

const { values } = parseArgs({
  options: {
    victim: { type: 'string', default: 'both' },
    pace: { type: 'string', default: 'both' },
    peer: { type: 'boolean', default: false },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const chosen = oneOf(values.victim, ['leader', 'controller', 'both']);
const victims: Victim[] = chosen === 'both' ? ['leader', 'controller'] : [chosen];
const kinds = victims.flatMap((victim) => pacesOf(values.pace).map((pace) => ({ victim, pace })));
const settings = Object.fromEntries(values.set.map((pair) => pair.split('=', 2) as [string, string]));
const trials = Number(process.env['TRIALS'] ?? 20);
const isGood = await soak({ kinds, trials, peer: values.peer, settings });
process.exitCode = isGood ? 0 : 1;
