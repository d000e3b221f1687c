/**
 * What a killed `millrace chaos run` leaves behind: nodes that run on, perhaps frozen. Each run notes its
 * cluster in a file of the system's temporary folder, and removes the note at its end. The next run finds the
 * notes of commands that are gone, and stops their nodes.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { nodesOf, readLayout } from '../cluster/layout.ts';
import { killNode, pidOf } from '../cluster/process.ts';

interface Note {
  /** The command that runs the cluster. */
  readonly pid: number;
  /** The folder of the cluster. */
  readonly directory: string;
}

/** The folder of this user's notes. */
function notesFolder(): string {
  return join(tmpdir(), `millrace-chaos-${userInfo().username}`);
}

/** Notes the cluster of this command. Returns a function that removes the note. */
export function noteCluster(directory: string, folder = notesFolder()): () => void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${process.pid}.json`);
  const note: Note = { pid: process.pid, directory };
  writeFileSync(file, `${JSON.stringify(note)}\n`);
  return () => rmSync(file, { force: true });
}

/**
 * Kills the nodes that commands without an end have left. Returns a sentence for each cluster. A note that
 * cannot be read, or whose cluster is gone, is removed.
 */
export async function stopLeftovers(folder = notesFolder()): Promise<string[]> {
  const sentences: string[] = [];
  for (const name of list(folder)) {
    const file = join(folder, name);
    const note = read(file);
    if (note !== undefined && isRunning(note.pid)) continue;
    const stopped = note === undefined ? [] : await killNodes(note.directory);
    rmSync(file, { force: true });
    if (stopped.length > 0)
      sentences.push(
        `an earlier run was killed: stopped its nodes ${stopped.join(', ')} in ${note!.directory}`,
      );
  }
  return sentences;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}

function read(file: string): Note | undefined {
  try {
    const note = JSON.parse(readFileSync(file, 'utf8')) as Partial<Note> | null;
    const { pid, directory } = note ?? {};
    return Number.isInteger(pid) && typeof directory === 'string' ? { pid: pid!, directory } : undefined;
  } catch {
    return undefined;
  }
}

/** False also if another program has the pid now, where the system has /proc. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('chaos');
  } catch {
    return true;
  }
}

/** SIGKILL ends a frozen process, too. Returns the ids of the nodes that ran. */
async function killNodes(directory: string): Promise<number[]> {
  try {
    const running = nodesOf(readLayout(directory)).filter((node) => pidOf(node) !== undefined);
    await Promise.all(running.map((node) => killNode(node, pidOf(node)!)));
    return running.map(({ id }) => id);
  } catch {
    // The folder is gone, so its nodes are, too: they cannot run without it.
    return [];
  }
}
