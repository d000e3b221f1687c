/**
 * Loaded into a node's process with `--import`: writes the longest delay of the event loop so far, in
 * milliseconds, into the folder that MILLRACE_BENCH_LOOP names. The name of the file is the pid. The delay
 * includes the loading of modules at the start of the process.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PERIOD_MS = 2;
const folder = process.env['MILLRACE_BENCH_LOOP'];
if (folder !== undefined) {
  let last = performance.now();
  let longestMs = 0;
  setInterval(() => {
    const now = performance.now();
    const delayMs = now - last - PERIOD_MS;
    if (delayMs > longestMs) {
      longestMs = delayMs;
      writeFileSync(join(folder, String(process.pid)), String(longestMs));
    }
    // The time of the write does not count.
    last = performance.now();
  }, PERIOD_MS).unref();
}
