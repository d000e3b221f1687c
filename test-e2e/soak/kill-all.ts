/**
 * `npm run soak:kill-all`: under load, kills all six processes with kill -9 at the same time, and starts them
 * again. No record acknowledged with acks=all may be lost. TRIALS=10 sets the number of trials of each pace;
 * --pace and --peer work as in soak:failover.
 */
import { parseArgs } from 'node:util';
import { pacesOf, soak } from './runner.ts';

const { values } = parseArgs({
  options: { pace: { type: 'string', default: 'both' }, peer: { type: 'boolean', default: false } },
});
const kinds = pacesOf(values.pace).map((pace) => ({ victim: 'all' as const, pace }));
const isGood = await soak({ kinds, trials: Number(process.env['TRIALS'] ?? 10), peer: values.peer });
process.exitCode = isGood ? 0 : 1;
