/**
 * Controllers that a test plays: each answers by rules, or is frozen, or is dead. One transcript holds the
 * calls, the streams with their answers, and the deaths, as text.
 */
import type { RpcStream } from '@millrace/base';
import type { ManualClock } from '@millrace/base/testing';
import {
  AllocateProducerIdsRequest,
  AllocateProducerIdsResponse,
  AlterPartitionRequest,
  AlterPartitionResponse,
  ControlRequest,
  ControlResponse,
  controlCalls,
  ForwardRequest,
  ForwardResponse,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type RegisterRequest,
  type RegisterResponse,
} from '@millrace/control';
import { ErrorCode } from '@millrace/protocol';
import { MemoryRpcHub } from '@millrace/rpc/testing';

export class TestControllers {
  readonly hub: MemoryRpcHub;
  readonly transcript: string[] = [];
  /** Id of the active controller; undefined: none. */
  active: number | undefined = 100;
  /**
   * The id that the other controllers name as the active one. -1: they know none. Undefined: they name
   * `active`.
   */
  hint: number | undefined;
  /** Ids of controllers that receive messages and never answer. */
  readonly frozen = new Set<number>();
  /** Every answer on a stream comes this many milliseconds late. */
  lateMs = 0;
  /** The streams on which the broker sent `leaves`: for each, the time and the controller's id, in order. */
  readonly left: string[] = [];
  register: (request: RegisterRequest) => Partial<RegisterResponse> = () => ({ brokerEpoch: 10 });
  heartbeat: (request: HeartbeatRequest) => Partial<HeartbeatResponse> = () => ({});
  alterPartition: (request: AlterPartitionRequest) => AlterPartitionResponse = ({ partitions }) => ({
    errorCode: ErrorCode.NONE,
    partitions: partitions.map(({ topicId, partition, leaderEpoch, partitionEpoch, isr }) => ({
      topicId,
      partition,
      errorCode: ErrorCode.NONE,
      leader: 1,
      leaderEpoch,
      partitionEpoch: partitionEpoch + 1,
      isr: isr.map(({ brokerId }) => brokerId),
    })),
  });
  nextProducerId = 0;
  private readonly clock: ManualClock;

  constructor(clock: ManualClock, ids: readonly number[] = [100, 101, 102]) {
    this.clock = clock;
    this.hub = new MemoryRpcHub(clock);
    for (const id of ids) this.serve(id);
  }

  /** The addresses in the broker's configuration: the port equals the id. */
  get addresses() {
    return [100, 101, 102].map((id) => ({ id, host: 'localhost', port: id }));
  }

  serve(id: number): void {
    this.hub.endpoint(`controller-${id}`).serve(
      { host: 'localhost', port: id },
      {
        call: (method, body, reply) => {
          this.note(`${method} to ${id}`);
          if (!this.frozen.has(id)) this.clock.soon(() => reply(this.call(id, method, body)));
        },
        stream: (_method, stream) => {
          this.note(`stream to ${id}`);
          return {
            message: (body) => {
              if (ControlRequest.decode(body).leaves) this.left.push(`${this.clock.monotonicMs()} ${id}`);
              else if (!this.frozen.has(id)) this.message(id, stream, body);
            },
            closed: () => this.note(`stream to ${id} closed`),
          };
        },
      },
      { listening: () => {}, failed: () => {} },
    );
  }

  kill(id: number): void {
    this.note(`${id} dies`);
    this.hub.kill(id);
  }

  /** Returns the transcript since the last call. */
  story(): string[] {
    return this.transcript.splice(0);
  }

  private note(line: string): void {
    this.transcript.push(`${this.clock.monotonicMs()} ${line}`);
  }

  private leader(): number {
    return this.hint ?? this.active ?? -1;
  }

  private message(id: number, stream: RpcStream, body: Uint8Array): void {
    const { sequence, register, heartbeat } = ControlRequest.decode(body);
    const send = (answer: Partial<ControlResponse>) => {
      const encoded = ControlResponse.encode({
        sequence,
        register: undefined,
        heartbeat: undefined,
        notControllerLeaderId: undefined,
        ...answer,
      });
      if (this.lateMs === 0) stream.send(encoded);
      else this.clock.setTimer(this.lateMs, () => stream.send(encoded));
    };
    if (id !== this.active) {
      this.note(`${id} is not the controller, says ${this.leader()}`);
      send({ notControllerLeaderId: this.leader() });
    } else if (register !== undefined) {
      const response = { errorCode: 0, errorMessage: undefined, brokerEpoch: -1, ...this.register(register) };
      this.note(
        `register at ${id}, previous epoch ${register.previousBrokerEpoch}: error ${response.errorCode}, epoch ${response.brokerEpoch}`,
      );
      send({ register: response });
    } else if (heartbeat !== undefined) {
      const { brokerEpoch, metadataOffset, wantFence, wantShutDown } = heartbeat;
      const response = {
        errorCode: 0,
        isCaughtUp: true,
        isFenced: false,
        shouldShutDown: false,
        leaseMs: 3000,
        ...this.heartbeat(heartbeat),
      };
      const wants = wantShutDown ? ', wants to stop' : wantFence ? ', wants to be fenced' : '';
      const state =
        response.errorCode !== 0 ? `error ${response.errorCode}` : response.isFenced ? 'fenced' : 'serving';
      this.note(`heartbeat at ${id}, epoch ${brokerEpoch}, offset ${metadataOffset}${wants}: ${state}`);
      send({ heartbeat: response });
    }
  }

  private call(id: number, method: string, body: Uint8Array): Uint8Array {
    const isActive = id === this.active;
    const errorCode = isActive ? ErrorCode.NONE : ErrorCode.NOT_CONTROLLER;
    if (method === controlCalls.alterPartition.name) {
      const request = AlterPartitionRequest.decode(body);
      return AlterPartitionResponse.encode(
        isActive ? this.alterPartition(request) : { errorCode, partitions: [] },
      );
    }
    if (method === controlCalls.allocateProducerIds.name) {
      AllocateProducerIdsRequest.decode(body);
      const producerIdStart = isActive ? this.nextProducerId : -1;
      if (isActive) this.nextProducerId += 1000;
      return AllocateProducerIdsResponse.encode({
        errorCode,
        producerIdStart,
        producerIdCount: isActive ? 1000 : 0,
      });
    }
    const request = ForwardRequest.decode(body);
    return ForwardResponse.encode({ errorCode, body: isActive ? request.body : new Uint8Array(0) });
  }
}
