/**
 * Lets a state machine decide at a fixed rate. Measures into how many batches the runtime packs the
 * decisions, and the CPU time of each decision. The state machine is the toy `CounterMachine`, on one broker
 * in memory. The commit of each batch takes a fixed time.
 *
 *     node packages/coordinator/bench/decisions.ts [decisions per second] [commit ms] [seconds]
 */
import { performance } from 'node:perf_hooks';
import { record } from '../test/support/counter-machine.ts';
import { RuntimeHost } from '../test/support/runtime-host.ts';

const [rate = 5000, commitMs = 2, seconds = 20] = process.argv.slice(2).map(Number);

const host = new RuntimeHost({ waitingBytesMax: 64 * 1024 * 1024 });
const { clock, partitions } = host;
const machine = host.active();
partitions.commits = false;
let [answered, decided, batchesSeen] = [0, 0, 0];
/** As large as the record of a committed offset: the key has 60 bytes, the value has 40. */
const key = 'x'.repeat(60);
const value = 'y'.repeat(40);
machine.replay = () => {};

const start = performance.now();
for (let ms = 0; ms < seconds * 1000; ms++) {
  for (const due = ((ms + 1) * rate) / 1000; decided < due; decided++) {
    machine.port.write([record(key, value)]);
    machine.port.whenCommitted(machine.port.lastWrite, () => answered++);
  }
  clock.settle();
  const end = partitions.end(0);
  if (partitions.log(0).length > batchesSeen) {
    batchesSeen = partitions.log(0).length;
    clock.setTimer(commitMs, () => partitions.settle(0, 0, end));
  }
  clock.advance(1);
}
const cpuMs = performance.now() - start;
const batches = partitions.log(0).length;
partitions.settle(0);
clock.advance(100);
process.stdout.write(
  `${decided} decisions in ${seconds} s, commits take ${commitMs} ms: ${Math.round(batches / seconds)} batches a second, ` +
    `${(decided / batches).toFixed(1)} decisions each; ${((cpuMs * 1000) / decided).toFixed(1)} us of CPU each ` +
    `(with the fake log); ${answered} answered\n`,
);
