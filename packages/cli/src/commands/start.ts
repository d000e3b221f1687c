/**
 * `millrace start`: runs one node in the foreground. A parent process may pass a pipe in MILLRACE_READY_FD.
 * The node writes `ready` to the pipe when it serves. If the node fails, it writes `failed: ` and the message
 * that is also on stderr.
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
    // A node that is stopped before it serves (no controller is up, for example) writes no line.
    const serves = await Promise.race([node.ready.then(() => true), stopRequested.then(() => false)]);
    if (serves) tellParent('ready');
    await Promise.race([stopRequested, node.failed]);
    await node.stop();
    // Everything is closed, but a name look-up may keep the process alive, and Node cannot cancel it. A
    // look-up takes long if the host no longer exists, for example because the whole deployment stops.
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
