/** A controller and a broker, each in a process of its own. A test gives the broker a bad disk. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@millrace/base/testing/io';
import { TestClient } from './client.ts';

export interface BrokerOptions {
  /** The data folder. */
  readonly directory: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** One process of a node. */
export class NodeProcess {
  readonly child: ChildProcess;
  output = '';

  constructor(settings: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) {
    const script = join(import.meta.dirname, 'node-process.ts');
    const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    this.child = spawn(process.execPath, [script, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (chunk) => {
        this.output += String(chunk);
      });
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until the node has logged this event. */
  async logged(event: string): Promise<void> {
    while (!this.output.includes(`"${event}"`)) {
      if (!this.isRunning) throw new Error(`the node has ended: ${this.output}`);
      await sleep(20);
    }
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.isRunning) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}

/** A controller and a broker. The broker serves clients at `port`. */
export class TwoProcesses {
  broker!: NodeProcess;
  readonly port: number;
  readonly healthPort: number;
  private readonly controller: NodeProcess;
  private readonly controllerPort: number;
  private readonly options: BrokerOptions;

  private constructor(folder: string, ports: readonly [number, number, number], options: BrokerOptions) {
    [this.port, this.healthPort, this.controllerPort] = ports;
    this.options = options;
    const directory = join(folder, 'controller');
    mkdirSync(directory);
    this.controller = new NodeProcess({
      'process.roles': 'controller',
      'node.id': '1',
      listeners: `CONTROLLER://127.0.0.1:${this.controllerPort}`,
      'log.dirs': directory,
      ...this.quorum,
    });
  }

  /** Starts the controller. The caller starts the broker after that. `kill` ends both at any time. */
  static async start(folder: string, options: BrokerOptions): Promise<TwoProcesses> {
    const ports = [await freePort(), await freePort(), await freePort()] as const;
    return new TwoProcesses(folder, ports, options);
  }

  async startBroker(): Promise<void> {
    const { directory, settings, env } = this.options;
    this.broker = new NodeProcess(
      {
        'process.roles': 'broker',
        'node.id': '2',
        listeners: `PLAINTEXT://127.0.0.1:${this.port}`,
        'log.dirs': directory,
        'health.port': String(this.healthPort),
        'offsets.topic.num.partitions': '1',
        ...this.quorum,
        ...settings,
      },
      env,
    );
    await this.broker.logged('node-ready');
  }

  connect(): Promise<TestClient> {
    return TestClient.connect(this.port);
  }

  async health(): Promise<unknown> {
    return (await fetch(`http://127.0.0.1:${this.healthPort}/health`)).json();
  }

  /** The value of a metric without labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.healthPort}/metrics`)).text();
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
  }

  async stop(): Promise<void> {
    await this.broker.end('SIGTERM');
    await this.controller.end('SIGTERM');
  }

  /** Ends both processes at once, in any state. */
  kill(): void {
    this.broker?.child.kill('SIGKILL');
    this.controller.child.kill('SIGKILL');
  }

  private get quorum(): Record<string, string> {
    return {
      'controller.quorum.voters': `1@127.0.0.1:${this.controllerPort}`,
      'controller.listener.names': 'CONTROLLER',
      // A slow machine must not fence the broker, because that closes the connections of its clients.
      'broker.session.timeout.ms': '60000',
    };
  }
}
