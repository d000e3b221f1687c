/**
 * Goal: over real gRPC, a controller distinguishes a broker that closes its control stream from a broker
 * whose process was killed. Method: another process runs the session of a broker, and the test kills this
 * process (kill -9). The controller runs in the process of the test, and can answer late.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Listener, Prng, type RpcService, type RpcStream } from '@millrace/base';
import { NodeClock } from '@millrace/base/io';
import { MemoryLogger } from '@millrace/base/testing';
import { Controller } from '@millrace/controller';
import { GrpcRpc } from '@millrace/rpc/io';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { controllerConfig } from '../../src/config/package-settings.ts';
import { ControlService } from '../../src/roles/control/control-service.ts';
import { nodeConfig } from '../support/config.ts';

const BROKER = 1;
const SESSION_MS = 10_000;

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

async function until(what: () => boolean, maxMs: number): Promise<void> {
  const end = performance.now() + maxMs;
  while (!what()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${String(what)}`);
    await sleep(5);
  }
}

/** An active controller whose records commit at once. */
class Served {
  readonly clock = new NodeClock();
  readonly logger = new MemoryLogger();
  readonly controller: Controller;
  /** The delay of its answers on control streams. */
  lateMs = 0;
  private readonly ticks: NodeJS.Timeout;
  private nextOffset = 0;
  private listener: Listener | undefined;

  constructor() {
    const { clock, logger } = this;
    this.controller = new Controller({
      nodeId: 100,
      random: new Prng(1),
      logger,
      config: { ...controllerConfig(nodeConfig()), sessionTimeoutMs: SESSION_MS, connectionLossGraceMs: 100 },
      propose: (records) => {
        const baseOffset = this.nextOffset;
        this.nextOffset += records.length;
        clock.soon(() => this.controller.committed({ baseOffset, epoch: 1, records }));
        return this.nextOffset - 1;
      },
      confirmLeadership: (done) => clock.soon(() => done(true)),
    });
    this.controller.becameLeader(1, clock.monotonicMs());
    this.ticks = setInterval(() => this.controller.tick(clock.monotonicMs()), 5);
  }

  listen(): Promise<number> {
    const { controller, clock, logger } = this;
    const quorum = { handle: () => false, leader: () => undefined, describe: () => undefined! };
    const touched = () => {};
    const service = new ControlService({
      quorum,
      controller,
      controllerListenerName: 'C',
      clock,
      logger,
      touched,
    });
    return new Promise((listening, failed) => {
      const address = { host: '127.0.0.1', port: 0 };
      this.listener = new GrpcRpc().serve(address, this.late(service), { listening, failed });
    });
  }

  private late(service: ControlService): RpcService {
    return {
      call: (method, body, reply, peer) => service.call(method, body, reply, peer),
      stream: (method, stream, peer) => {
        const late: RpcStream = {
          send: (body) => void setTimeout(() => stream.send(body), this.lateMs),
          close: () => stream.close(),
        };
        return service.stream(method, late, peer);
      },
    };
  }

  count(event: string): number {
    return this.logger.events.filter((logged) => logged.event === event).length;
  }

  get isAlive(): boolean {
    return this.controller.image.isAlive(BROKER);
  }

  close(): Promise<void> {
    clearInterval(this.ticks);
    return new Promise((done) => this.listener!.close(done));
  }
}

let served: Served;
let broker: ChildProcess;
let said: string;

beforeEach(async () => {
  served = new Served();
  const port = await served.listen();
  said = '';
  broker = spawn(
    process.execPath,
    [join(import.meta.dirname, '../support/broker-process.ts'), String(port)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  broker.stdout!.on('data', (text) => {
    said += String(text);
  });
  await until(() => served.isAlive, 15_000);
}, 20_000);

afterEach(async () => {
  broker.kill('SIGKILL');
  await served.close();
});

test('the controller does not fence a broker that closes a stream because of late answers', async () => {
  served.lateMs = 300;
  await until(() => served.count('broker-stream-left') >= 5, 10_000);
  served.lateMs = 0;
  await sleep(600);
  expect(served.count('broker-session-ended')).toBe(0);
  expect(served.count('broker-session-closed')).toBe(0);
  expect(served.isAlive).toBe(true);
  expect(said).toBe('');
});

test('the controller fences a killed broker after the grace period, long before its session ends', async () => {
  broker.kill('SIGKILL');
  await until(() => !served.isAlive, SESSION_MS / 4);
  expect(served.logger.events.find(({ event }) => event === 'broker-session-ended')?.facts).toMatchObject({
    brokerId: BROKER,
    reason: 'disconnected',
  });
});
