/**
 * `millrace start`: runs one node in the foreground. A parent process may pass the number of a pipe's file
 * descriptor in MILLRACE_READY_FD. The node writes the line `ready` to the pipe when it serves. If the node
 * fails, it writes the line `failed: ` with the message that it also prints on stderr.
 */
import { writeSync } from 'node:fs';
import { loadConfig, startNode } from '@millrace/node';

export async function start(options: { config?: string; set: Record<string, string> }): Promise<void> {
  try {
    const config = loadConfig({
      ...(options.config === undefined ? {} : { file: options.config }),
      env: process.env,
      overrides: options.set,
    });
    const stopRequested = nextStopSignal();
    const node = await startNode(config);
    // If a signal stops the node before it serves, the node writes no line.
    const serves = await Promise.race([node.ready.then(() => true), stopRequested.then(() => false)]);
    if (serves) tellParent('ready');
    await Promise.race([stopRequested, node.failed]);
    await node.stop();
    // The node has closed everything. But a look-up of a host name may still run, and Node cannot cancel it.
    // It would keep the process alive. A look-up takes long if the host no longer exists, for example because
    // the whole deployment stops.
    process.exit(0);
  } catch (error) {
    tellParent(`failed: ${error instanceof Error ? error.message : String(error)}`);
    throw error;
  }
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function nextStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = () => {
      if (asked) process.exit(1);
      asked = true;
      resolve();
    };
    process.on('SIGTERM', ask);
    process.on('SIGINT', ask);
  });
}

function tellParent(line: string): void {
  const descriptor = Number(process.env['MILLRACE_READY_FD'] ?? 0);
  if (descriptor < 3) return;
  try {
    writeSync(descriptor, `${line}\n`);
  } catch {
    // The parent has ended and does not read the line.
  }
}
