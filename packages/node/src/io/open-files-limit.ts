/**
 * How many segment and index files the logs of a node may keep open, by the limit of the process for open
 * files (`ulimit -n`). At its start, Node.js raises the soft limit to the hard limit.
 */
import fs from 'node:fs';

/** More files than this bring nothing, and each open file takes memory of the kernel. */
const DERIVED_MAX = 32_768;
/** A node with fewer would open a file for almost every request. */
const DERIVED_MIN = 64;

/** Half of the limit: the other half is for connections, small files and the files of a controller. */
export function deriveOpenFilesMax(limit: number): number {
  return Math.max(DERIVED_MIN, Math.min(DERIVED_MAX, Math.floor(limit / 2)));
}

/** The soft limit of this process; infinite if there is none, or if the system does not tell it. */
export function openFilesLimit(limitsFile = '/proc/self/limits'): number {
  const text = fs.existsSync(limitsFile) ? fs.readFileSync(limitsFile, 'utf8') : undefined;
  const soft = text === undefined ? reportedLimit() : /^Max open files\s+(\S+)/m.exec(text)?.[1];
  const limit = Number(soft);
  return Number.isInteger(limit) && limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

/** Reads the limit where there is no /proc, for example on macOS. */
function reportedLimit(): unknown {
  const { userLimits } = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } };
  };
  return userLimits?.open_files?.soft;
}
