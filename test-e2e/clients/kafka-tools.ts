/**
 * Runs Kafka's command line tools one after the other in one process (java/Tools.java), because each start of
 * a JVM takes a second or more. A tool that reads standard input needs a process of its own: `kafkaTool` in
 * round-trip.ts.
 */
import { inject } from 'vitest';
import { type Launched, launch } from '../lib/exec.ts';
import { callLine, exitCodeOf } from '../lib/tool-calls.ts';
import { CLIENT_LIMIT_MS, toolFor } from './round-trip.ts';

interface Call {
  readonly output: string[];
  resolve(output: string[]): void;
  reject(error: Error): void;
}

export class KafkaTools {
  #process: Launched | undefined;
  #call: Call | undefined;

  /**
   * Runs a tool. Resolves with the lines of its output. If the tool fails, rejects with an error that has
   * these lines.
   */
  async call(tool: string, args: readonly string[]): Promise<string[]> {
    if (this.#call !== undefined) throw new Error('one tool runs at a time');
    const line = callLine(tool, inject('bootstrapServers'), args);
    const process = this.#process ?? this.#start();
    const timer = setTimeout(() => process.kill(), CLIENT_LIMIT_MS);
    try {
      return await new Promise((resolve, reject) => {
        this.#call = { output: [], resolve, reject };
        process.write(line);
      });
    } finally {
      clearTimeout(timer);
      this.#call = undefined;
    }
  }

  async close(): Promise<void> {
    this.#process?.closeInput();
    await this.#process?.ended;
  }

  #start(): Launched {
    const { program, args } = toolFor('java');
    const launched = launch(program, [...args, 'Tools'], (line) => this.#read(line));
    this.#process = launched;
    launched.ended.then((code) => {
      this.#process = undefined;
      this.#call?.reject(new Error(`the process of the tools ended with ${code}: ${launched.errors()}`));
    });
    return launched;
  }

  #read(line: string): void {
    const code = exitCodeOf(line);
    const call = this.#call;
    if (code === undefined) call?.output.push(line);
    else if (code === 0) call?.resolve(call.output);
    else call?.reject(new Error(`exit code ${code}\n${call.output.join('\n')}`));
  }
}
