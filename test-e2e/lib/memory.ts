/** Memory of other processes, as Linux tells it; 0 where it does not. */
import { readFileSync } from 'node:fs';

/** Resident now (VmRSS), or the most it ever was (VmHWM), in MiB. */
export function residentMiB(pid: number | undefined, what: 'VmRSS' | 'VmHWM'): number {
  try {
    const line = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Math.round(Number(line?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
