/**
 * Goal: the session of a broker changes only by messages of the registered process, and by the end of its
 * control stream. The service sends the controller's answers in encoded form. Method: scripted streams on a
 * controller whose records commit at once.
 */
import { Prng, RpcError, type RpcStreamHandler, type Uuid } from '@millrace/base';
import { ManualClock, MemoryLogger } from '@millrace/base/testing';
import {
  ControlRequest,
  ControlResponse,
  controlCalls,
  controlSession,
  ForwardRequest,
  ForwardResponse,
} from '@millrace/control';
import { Controller } from '@millrace/controller';
import { apis, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { controllerConfig } from '../../../src/config/package-settings.ts';
import { ControlService } from '../../../src/roles/control/control-service.ts';
import { type ControlContext, defineCallHandler } from '../../../src/roles/control/handler.ts';
import { nodeConfig } from '../../support/config.ts';

const BROKER = 1;
const SESSION_MS = 3000;
const GRACE_MS = 100;

function idOf(letter: string): Uuid {
  return `${letter.repeat(21)}A` as Uuid;
}

const PEER = { address: '10.0.0.1:5000', certifiedName: undefined };

/** One control stream of one process. */
class Process {
  readonly answers: ControlResponse[] = [];
  private readonly incarnation: Uuid;
  private readonly logDir: Uuid;
  private readonly handler: RpcStreamHandler;
  private sequence = 0;

  constructor(service: ControlService, incarnation: Uuid, logDir = incarnation) {
    this.incarnation = incarnation;
    this.logDir = logDir;
    this.handler = service.stream(
      controlSession.name,
      {
        send: (body) => this.answers.push(ControlResponse.decode(body)),
        close: () => {},
      },
      PEER,
    );
  }

  register(): ControlResponse {
    return this.ask({
      register: {
        brokerId: BROKER,
        incarnationId: this.incarnation,
        clusterId: '',
        listeners: [{ name: 'PLAINTEXT', host: 'localhost', port: 9092 }],
        rack: undefined,
        previousBrokerEpoch: -1,
        logDirs: [this.logDir],
        sessionTimeoutMs: SESSION_MS,
      },
      heartbeat: undefined,
    });
  }

  heartbeat(brokerEpoch: number, wantFence = false): ControlResponse {
    const metadataOffset = 1_000_000;
    return this.ask({
      register: undefined,
      heartbeat: { brokerId: BROKER, brokerEpoch, metadataOffset, wantFence, wantShutDown: false },
    });
  }

  dies(): void {
    this.handler.closed('closed by the peer');
  }

  /** The live process closes this stream. */
  leaves(): void {
    this.say({ register: undefined, heartbeat: undefined, leaves: true });
    this.handler.closed('closed by the peer');
  }

  private ask(request: Pick<ControlRequest, 'register' | 'heartbeat'>): ControlResponse {
    this.say({ ...request, leaves: false });
    return this.answers.at(-1)!;
  }

  private say(request: Omit<ControlRequest, 'sequence'>): void {
    this.handler.message(ControlRequest.encode({ sequence: ++this.sequence, ...request }));
  }
}

class World {
  readonly clock = new ManualClock();
  readonly logger = new MemoryLogger();
  readonly controller: Controller;
  readonly service: ControlService;
  isCommitting = true;
  private nextOffset = 0;

  constructor() {
    const { logger } = this;
    this.controller = new Controller({
      nodeId: 100,
      random: new Prng(1),
      logger,
      config: {
        ...controllerConfig(nodeConfig()),
        sessionTimeoutMs: SESSION_MS,
        connectionLossGraceMs: GRACE_MS,
      },
      propose: (records) => {
        const baseOffset = this.nextOffset;
        this.nextOffset += records.length;
        if (this.isCommitting)
          this.clock.soon(() => this.controller.committed({ baseOffset, epoch: 1, records }));
        return this.nextOffset - 1;
      },
      confirmLeadership: (done) => this.clock.soon(() => done(true)),
    });
    this.controller.becameLeader(1, 0);
    const quorum = { handle: () => false, leader: () => undefined, describe: () => undefined! };
    const { clock, controller } = this;
    const controllerListenerName = 'CONTROLLER';
    this.service = new ControlService({
      quorum,
      controller,
      controllerListenerName,
      clock,
      logger,
      touched: () => clock.settle(),
    });
  }

  /** A registered broker that is unfenced. */
  healthyBroker(): { process: Process; epoch: number } {
    const process = new Process(this.service, idOf('H'));
    process.register();
    const epoch = process.answers.at(-1)!.register!.brokerEpoch;
    process.heartbeat(epoch);
    expect(this.isAlive).toBe(true);
    return { process, epoch };
  }

  pass(ms: number): void {
    this.clock.advance(ms);
    this.controller.tick(this.clock.monotonicMs());
    this.clock.settle();
  }

  get isAlive(): boolean {
    return this.controller.image.isAlive(BROKER);
  }
}

describe('a process with the id of a live broker', () => {
  test('is refused, and its death does not end the session of the live broker', () => {
    const world = new World();
    world.healthyBroker();
    const intruder = new Process(world.service, idOf('I'));
    expect(intruder.register().register?.errorCode).toBe(ErrorCode.DUPLICATE_BROKER_REGISTRATION);
    intruder.dies();
    world.pass(GRACE_MS + 1);
    expect(world.isAlive).toBe(true);
  });

  test('does not hide the death of the live broker', () => {
    const world = new World();
    const { process } = world.healthyBroker();
    new Process(world.service, idOf('I')).register();
    process.dies();
    world.pass(GRACE_MS + 1);
    expect(world.isAlive).toBe(false);
  });

  test('is refused with a stale broker epoch, and its death does not end the session', () => {
    const world = new World();
    const { epoch } = world.healthyBroker();
    const intruder = new Process(world.service, idOf('I'));
    expect(intruder.heartbeat(epoch + 7).heartbeat?.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH);
    intruder.dies();
    world.pass(GRACE_MS + 1);
    expect(world.isAlive).toBe(true);
  });
});

describe('a process with the id and the log directory of a live broker', () => {
  const duplicate = ErrorCode.DUPLICATE_BROKER_REGISTRATION;

  test('is refused until the control stream of the earlier process ends', () => {
    const world = new World();
    const { process } = world.healthyBroker();
    const next = new Process(world.service, idOf('N'), idOf('H'));
    expect(next.register().register?.errorCode).toBe(duplicate);
    process.dies();
    expect(next.register().register?.errorCode).toBe(ErrorCode.NONE);
  });

  test('is refused for the whole session after the earlier process left its stream', () => {
    const world = new World();
    world.healthyBroker().process.leaves();
    const next = new Process(world.service, idOf('N'), idOf('H'));
    expect(next.register().register?.errorCode).toBe(duplicate);
    world.pass(SESSION_MS);
    expect(next.register().register?.errorCode).toBe(ErrorCode.NONE);
  });
});

describe('the end of a control stream', () => {
  test('ends the session after the grace period', () => {
    const world = new World();
    world.healthyBroker().process.dies();
    world.pass(GRACE_MS - 1);
    expect(world.isAlive).toBe(true);
    world.pass(2);
    expect(world.isAlive).toBe(false);
  });

  test('does not end the session when the broker uses a newer stream', () => {
    const world = new World();
    const { process, epoch } = world.healthyBroker();
    new Process(world.service, idOf('H')).heartbeat(epoch);
    process.dies();
    world.pass(GRACE_MS + 1);
    expect(world.isAlive).toBe(true);
  });
});

describe('a control stream that its broker leaves', () => {
  test('does not shorten the session', () => {
    const world = new World();
    const { process } = world.healthyBroker();
    const said = process.answers.length;
    process.leaves();
    expect(process.answers.length).toBe(said);
    world.pass(SESSION_MS - 1);
    expect(world.isAlive).toBe(true);
    world.pass(1);
    expect(world.isAlive).toBe(false);
  });

  test('does not hide the death of the broker on its next stream', () => {
    const world = new World();
    const { process, epoch } = world.healthyBroker();
    process.leaves();
    const again = new Process(world.service, idOf('H'));
    again.heartbeat(epoch);
    again.dies();
    world.pass(GRACE_MS + 1);
    expect(world.isAlive).toBe(false);
  });
});

describe('a message on an old stream, after the broker used a newer one', () => {
  test('changes neither the session nor the fence, and the end of the old stream changes nothing', () => {
    const world = new World();
    const { process, epoch } = world.healthyBroker();
    const again = new Process(world.service, idOf('H'));
    again.heartbeat(epoch);
    const said = process.answers.length;
    process.heartbeat(epoch, true);
    expect(process.answers.length).toBe(said);
    expect(world.isAlive).toBe(true);
    process.dies();
    world.pass(GRACE_MS + 1);
    expect(world.isAlive).toBe(true);
  });

  test('changes nothing even if the newer stream has ended', () => {
    for (const ending of ['leaves', 'dies'] as const) {
      const world = new World();
      const { process, epoch } = world.healthyBroker();
      const again = new Process(world.service, idOf('H'));
      again.heartbeat(epoch);
      again[ending]();
      const said = process.answers.length;
      process.heartbeat(epoch, true);
      expect(process.answers.length).toBe(said);
      expect(world.isAlive).toBe(true);
    }
  });

  test('does not register an earlier process again', () => {
    const world = new World();
    const { process } = world.healthyBroker();
    process.dies();
    world.pass(GRACE_MS + 1);
    const late = new Process(world.service, idOf('H'));
    const next = new Process(world.service, idOf('N'));
    const { brokerEpoch } = next.register().register!;
    late.register();
    expect(world.controller.image.broker(BROKER)).toMatchObject({
      epoch: brokerEpoch,
      incarnationId: idOf('N'),
    });
  });
});

describe('a forwarded CreateTopics', () => {
  const names = ['a', 'b'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1 }));
  const encoded = apis.createTopics.encodeRequest(7, { topics: names, timeoutMs: 1000 });

  function forwarded(world: World): ForwardResponse[] {
    const answers: ForwardResponse[] = [];
    const request = { apiKey: apis.createTopics.key, apiVersion: 7, body: Buffer.concat(encoded) };
    world.service.call(
      controlCalls.forward.name,
      ForwardRequest.encode({ ...request, clientId: undefined, requestId: undefined }),
      (answer) => answers.push(ForwardResponse.decode(answer as Uint8Array)),
      PEER,
    );
    return answers;
  }

  test('is answered with the body that the client gets', () => {
    const world = new World();
    world.healthyBroker();
    const [answer] = forwarded(world);
    expect(answer!.errorCode).toBe(ErrorCode.NONE);
    const { topics } = apis.createTopics.decodeResponse(7, answer!.body);
    expect(topics).toMatchObject([{ name: 'a', errorCode: ErrorCode.NONE }, { name: 'b' }]);
  });

  test('is answered NOT_CONTROLLER, without a body, if the controller resigns before the commit', () => {
    const world = new World();
    world.healthyBroker();
    world.isCommitting = false;
    const answers = forwarded(world);
    expect(answers).toEqual([]);
    world.controller.resigned();
    expect(answers.map(({ errorCode, body }) => [errorCode, body.length])).toEqual([
      [ErrorCode.NOT_CONTROLLER, 0],
    ]);
  });
});

describe('a message that the controller cannot read', () => {
  const GARBAGE = new Uint8Array([0xff, 0xff, 0xff]);

  function refusals(world: World) {
    const events = world.logger.events.filter(({ event }) => event === 'control-message-refused');
    return events.map(({ facts }) => [facts['method'], facts['peer']]);
  }

  test('is refused, and the log names its sender', () => {
    const world = new World();
    const answers: unknown[] = [];
    const call = (method: string) =>
      world.service.call(method, GARBAGE, (answer) => answers.push(answer), PEER);
    for (const { name } of Object.values(controlCalls)) call(name);
    expect(answers).toEqual(
      Object.values(controlCalls).map(() => new RpcError('refused', 'malformed message')),
    );
    expect(refusals(world)).toEqual(Object.values(controlCalls).map(({ name }) => [name, PEER.address]));
  });

  test('ends its control stream', () => {
    const world = new World();
    let isClosed = false;
    const close = () => {
      isClosed = true;
    };
    const stream = { send: () => {}, close };
    world.service.stream(controlSession.name, stream, PEER).message(GARBAGE);
    expect(isClosed).toBe(true);
    expect(refusals(world)).toEqual([[controlSession.name, PEER.address]]);
  });

  test('of an unknown method is refused, and the answer names the method', () => {
    const answers: unknown[] = [];
    new World().service.call('controller.x', GARBAGE, (answer) => answers.push(answer), PEER);
    expect(answers).toEqual([new RpcError('refused', 'unknown method controller.x')]);
  });
});

test('every handler gets the request and its sender', () => {
  const { alterPartition } = controlCalls;
  const seen: unknown[] = [];
  const handler = defineCallHandler(alterPartition, (_context, received) => seen.push(received));
  const request = { brokerId: 1, brokerEpoch: 2, partitions: [] };
  const context = { clock: new ManualClock() } as unknown as ControlContext;
  handler.handle(context, alterPartition.request.encode(request), PEER, () => {});
  expect(seen).toEqual([{ request, now: 0, peer: PEER }]);
});
