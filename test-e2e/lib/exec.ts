/**
 * Runs other programs: `run` waits for their end, and `launch` lets them run beside this process. When this
 * process ends, it kills every child that still runs, by the child's pid. Children stay behind only if this
 * process itself is killed with SIGKILL.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const STDERR_TAIL_BYTES = 8 * 1024;

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Input for the program. Its standard input is closed afterwards. */
  input?: string | Uint8Array;
  /** After this time `run` kills the program and rejects. */
  timeoutMs?: number;
  /** When this returns true for the output so far, `run` kills the program and resolves. */
  isEnough?: (stdout: string) => boolean;
}

export interface RunResult {
  stdout: Buffer;
  stderr: string;
}

export class ProgramError extends Error {
  readonly code: number | null;
  constructor(message: string, code: number | null) {
    super(message);
    this.code = code;
  }
}

/** All children of this process that have not ended yet. */
const alive = new Set<ChildProcess>();
let watching = false;

function track(child: ChildProcess): void {
  if (!watching) {
    watching = true;
    process.on('exit', killAlive);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        killAlive();
        process.exit(1);
      });
    }
  }
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  child.once('error', () => alive.delete(child));
}

function killAlive(): void {
  for (const child of alive) child.kill('SIGKILL');
}

/** Runs a program to its end. Rejects with a ProgramError when it cannot start, fails, or takes too long. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutMs = 120_000 } = options;
  const name = [program, ...args].join(' ').slice(0, 200);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env } });
    track(child);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    let hasEnough = false;
    child.stdout.on('data', (chunk: Buffer) => {
      out.push(chunk);
      if (hasEnough || options.isEnough?.(Buffer.concat(out).toString('utf8')) !== true) return;
      hasEnough = true;
      child.kill('SIGKILL');
    });
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {}); // The program may end before it has read all input.
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new ProgramError(`${name}: ${error.message}`, null));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const stderr = Buffer.concat(err).toString('utf8');
      if (code === 0 || hasEnough) return resolve({ stdout: Buffer.concat(out), stderr });
      const how = signal === null ? `exit code ${code}` : `${signal} (limit ${timeoutMs} ms)`;
      const said = `${Buffer.concat(out).toString('utf8').slice(-STDERR_TAIL_BYTES)}${stderr.slice(-STDERR_TAIL_BYTES)}`;
      reject(new ProgramError(`${name}: ${how}\n${said}`, code));
    });
  });
}

/** Whether a program is installed and succeeds with these arguments. */
export async function answers(program: string, ...args: string[]): Promise<boolean> {
  try {
    await run(program, args, { timeoutMs: 60_000 });
    return true;
  } catch {
    return false;
  }
}

export interface Launched {
  readonly pid: number;
  /** Writes to the program's standard input. */
  write(text: string): void;
  /** Closes the program's standard input. The programs of these tests then end. */
  closeInput(): void;
  /**
   * Resolves with the exit code when the program has ended and `onLine` has got its last line. Null: a signal
   * ended the program, or the program did not start.
   */
  readonly ended: Promise<number | null>;
  /** The last lines that the program wrote to standard error. */
  errors(): string;
  /** Sends SIGKILL, or the given signal. */
  kill(signal?: NodeJS.Signals): void;
}

/** Starts a program that runs beside this one, and calls `onLine` with each line of its standard output. */
export function launch(
  program: string,
  args: readonly string[],
  onLine: (line: string) => void,
  options: Omit<RunOptions, 'timeoutMs' | 'input' | 'isEnough'> = {},
): Launched {
  const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env } });
  track(child);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-STDERR_TAIL_BYTES);
  });
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', onLine);
  const ended = new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      errors += error.message;
      resolve(null);
    });
    child.on('close', (code) => resolve(code));
  });
  return {
    pid: child.pid ?? 0,
    write: (text) => child.stdin.write(text),
    closeInput: () => child.stdin.end(),
    ended,
    errors: () => errors,
    kill: (signal = 'SIGKILL') => child.kill(signal),
  };
}
