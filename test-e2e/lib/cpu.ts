/** CPU time of other processes, from Linux's /proc; 0 on other systems. */
import { readFileSync } from 'node:fs';

/** The unit of times in /proc/PID/stat. */
const TICK_MS = 10;

/**
 * User and system time since the process started. On a shared machine, CPU time says more than elapsed time.
 */
export function cpuMs(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return 0;
  }
}
