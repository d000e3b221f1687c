/** Runs `millrace` commands that connect to a cluster. */
import { expect } from 'vitest';
import { millrace, type RunningCommand } from './command.ts';

export interface ClusterCommands {
  command(words: readonly string[], input?: string): RunningCommand;
  /** Runs a command to its end, which must be a success. Returns its standard output. */
  out(words: readonly string[], input?: string): Promise<string>;
  /** Runs a command to its end, which must be a refusal. Returns its output. */
  refusal(words: readonly string[], input?: string): Promise<string>;
}

export function clusterCommands(bootstrapServers: () => string): ClusterCommands {
  const command = (words: readonly string[], input?: string) =>
    millrace([...words, '-b', bootstrapServers()], {}, input);
  const ended = async (code: number, words: readonly string[], input?: string) => {
    const running = command(words, input);
    expect(await running.exit(), running.output()).toBe(code);
    return running;
  };
  return {
    command,
    out: async (words, input) => (await ended(0, words, input)).stdout(),
    refusal: async (words, input) => (await ended(1, words, input)).output(),
  };
}
