/** Runs `millrace` and `npm start`, each in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const root: string = join(import.meta.dirname, '../../../..');
/** The file of the command. */
export const main: string = join(root, 'packages/cli/src/main.ts');

export interface RunningCommand {
  readonly child: ChildProcess;
  /** The command's output so far, stdout and stderr. */
  output(): string;
  stdout(): string;
  /** The command's exit code; null when a signal ended the command. */
  exit(): Promise<number | null>;
  /** Waits until the output contains the text, or the command has ended. */
  said(text: string): Promise<void>;
}

export function millrace(
  words: readonly string[],
  env: Record<string, string> = {},
  input?: string,
): RunningCommand {
  return run(main, words, env, input);
}

/** `input`: the whole standard input. Undefined: there is no input. */
export function run(
  script: string,
  words: readonly string[],
  env: Record<string, string> = {},
  input?: string,
): RunningCommand {
  const child = spawn(process.execPath, [script, ...words], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  child.stdin?.end(input);
  let output = '';
  let stdout = '';
  child.stdout!.on('data', (chunk) => {
    output += String(chunk);
    stdout += String(chunk);
  });
  child.stderr!.on('data', (chunk) => {
    output += String(chunk);
  });
  const closed = once(child, 'close');
  return {
    child,
    output: () => output,
    stdout: () => stdout,
    exit: async () => {
      await closed;
      return child.exitCode;
    },
    said: async (text) => {
      while (!output.includes(text) && child.exitCode === null && child.signalCode === null) await sleep(20);
    },
  };
}
