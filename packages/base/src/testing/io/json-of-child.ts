/** Runs a program of a test in a process of its own, and reads the JSON that the program prints. */
import { spawn } from 'node:child_process';

/**
 * `words`: the flags of Node, the program, and its arguments. Rejects with the standard error of the program
 * if it does not exit with 0.
 */
export function jsonOfChild<T>(words: readonly string[], env: Readonly<Record<string, string>>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const running = spawn(process.execPath, [...words], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let complaint = '';
  running.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  running.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  running.on('error', reject);
  running.on('close', (code) => {
    if (code === 0) resolve(JSON.parse(out) as T);
    else reject(new Error(`${words.join(' ')} ended with ${code}: ${complaint}`));
  });
  return promise;
}
