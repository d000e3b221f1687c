/** Memory of other processes, as Linux tells it; 0 where it does not. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Resident now (VmRSS), or the most it ever was (VmHWM), in MiB. */
export function residentMiB(pid: number | undefined, what: 'VmRSS' | 'VmHWM'): number {
  try {
    const line = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Math.round(Number(line?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/** From now on VmHWM is the most since now, where Linux allows it; elsewhere it stays the most ever. */
export function resetPeak(pid: number | undefined): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Then the bound holds for the whole life of the process.
  }
}
