/**
 * A node with both roles in a process of its own. A trial kills the process and starts it again, and the
 * node's data stay on the disk.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts, untilGone } from '../../lib/cluster.ts';
import { type Launched, launch } from '../../lib/exec.ts';
import { repositoryRoot } from '../../lib/paths.ts';

/** Events after which the log may lack records, or is no longer cleaned. */
const BAD_EVENTS = new Set([
  'log-cleaning-failed',
  'log-delete-failed',
  'log-open-failed',
  'log-read-failed',
  'log-restarted',
  'log-segments-dropped',
  'log-uncleanable',
  'log-went-offline',
  'log-without-topic-id-kept',
  'log-write-failed',
  'stray-replica-kept',
]);

/** Number of files that stay behind only if a kill interrupts the cleaner or a removal of segments. */
export interface Leftovers {
  readonly cleaned: number;
  readonly swap: number;
  readonly deleted: number;
}

export class LogNode {
  readonly server: string;
  /** How often the node logged each event, by the event's name, in all of its runs. */
  readonly events = new Map<string, number>();
  /** Log lines of events that must not happen, and a line for each time when the process ended by itself. */
  readonly complaints: string[] = [];
  private readonly folder: string;
  private readonly port: number;
  private process: Launched | undefined;

  static async create(folder: string): Promise<LogNode> {
    return new LogNode(folder, await freePorts(1, 1));
  }

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
    this.server = `127.0.0.1:${port}`;
    mkdirSync(this.dataFolder, { recursive: true });
  }

  private get dataFolder(): string {
    return join(this.folder, 'data');
  }

  /** Starts the process. Does not wait until it serves. */
  start(settings: Readonly<Record<string, string>>): void {
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@127.0.0.1:${this.port + 1000}`,
      'controller.listener.names': 'CONTROLLER',
      listeners: `PLAINTEXT://127.0.0.1:${this.port},CONTROLLER://127.0.0.1:${this.port + 1000}`,
      'log.dirs': this.dataFolder,
      'offsets.topic.replication.factor': '1',
      ...settings,
    };
    const file = join(this.folder, 'node.properties');
    const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(file, lines.join(''));
    const cli = join(repositoryRoot, 'packages', 'cli', 'src', 'main.ts');
    const launched = launch(process.execPath, [cli, 'start', '--config', file], (line) => this.hear(line));
    this.process = launched;
    void launched.ended.then((exitCode) => {
      if (this.process !== launched) return;
      this.process = undefined;
      this.complaints.push(`the node ended by itself with exit code ${exitCode}: ${launched.errors()}`);
    });
  }

  /** False after the node was killed, or has ended by itself. */
  get isRunning(): boolean {
    return this.process !== undefined;
  }

  async kill(): Promise<void> {
    const { process } = this;
    this.process = undefined;
    process?.kill();
    await process?.ended;
    if (process !== undefined) await untilGone(process.pid);
  }

  /** Counts the files that the last kill left in the folders of logs. Call it while the node does not run. */
  leftovers(): Leftovers {
    const names = readdirSync(this.dataFolder, { recursive: true, encoding: 'utf8' });
    const count = (suffix: string) => names.filter((name) => name.endsWith(suffix)).length;
    return { cleaned: count('.log.cleaned'), swap: count('.log.swap'), deleted: count('.log.deleted') };
  }

  private hear(line: string): void {
    let event: unknown;
    let level: unknown;
    try {
      ({ event, level } = JSON.parse(line) as { event?: unknown; level?: unknown });
    } catch {
      return;
    }
    if (typeof event !== 'string') return;
    this.events.set(event, (this.events.get(event) ?? 0) + 1);
    if (BAD_EVENTS.has(event) || level === 'error') this.complaints.push(line);
  }
}
