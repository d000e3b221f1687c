/** Memory of other processes, from Linux's /proc; 0 on other systems. */
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * The present resident memory (VmRSS), its peak (VmHWM), or the part of it that does not come from files
 * (RssAnon).
 */
export type MemoryKind = 'VmRSS' | 'VmHWM' | 'RssAnon';

/** In MiB. */
export function residentMiB(pid: number | undefined, what: MemoryKind): number {
  try {
    const line = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Math.round(Number(line?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/**
 * Resets the peak (VmHWM), where Linux allows it. Elsewhere the peak covers the whole life of the process.
 */
export function resetPeak(pid: number | undefined): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // The system does not allow it.
  }
}
