/**
 * The program of a process that runs a broker's session with the controller, for tests that kill it.
 * Argument: the port of the only controller.
 */
import { type Clock, Prng } from '@millrace/base';
import { NodeClock } from '@millrace/base/io';
import { MemoryLogger } from '@millrace/base/testing';
import { BrokerLifecycle, ControllerLocator } from '@millrace/broker';
import { GrpcRpc } from '@millrace/rpc/io';

const clock: Clock = new NodeClock();
const random = new Prng(process.pid);
const controller = { id: 100, host: '127.0.0.1', port: Number(process.argv[2]) };

new BrokerLifecycle({
  brokerId: 1,
  incarnationId: random.uuid(),
  listeners: [{ name: 'PLAINTEXT', host: 'localhost', port: 9092 }],
  logDirs: [random.uuid()],
  previousBrokerEpoch: -1,
  locator: new ControllerLocator([controller], new GrpcRpc()),
  clock,
  logger: new MemoryLogger(),
  // The broker waits 200 ms for an answer, but only 50 ms for the answer to its first heartbeat on a new
  // stream. After each stream that brought no such answer, the broker waits longer for the first answer on
  // the next stream.
  config: {
    sessionTimeoutMs: 400,
    minInsyncReplicas: 1,
    heartbeatIntervalMs: 50,
    controlledShutdownMaxMs: 1_000,
  },
  clusterId: () => undefined,
  metadataOffset: () => 1_000_000,
  readyToServe: () => true,
  setLease: () => {},
  events: {
    registered: () => {},
    unfenced: () => {},
    fenced: () => void process.stdout.write('fenced\n'),
    registrationRefused: () => process.exit(1),
  },
}).start();
