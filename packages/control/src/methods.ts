/**
 * The control plane between brokers and the active controller: each method with its name on the wire, its
 * request and its response. Brokers and controllers take the codecs from this file, so the two sides cannot
 * disagree.
 */
import type { Message } from '@millrace/rpc';
import {
  AllocateProducerIdsRequest,
  AllocateProducerIdsResponse,
  AlterPartitionRequest,
  AlterPartitionResponse,
  ControlRequest,
  ControlResponse,
  ForwardRequest,
  ForwardResponse,
} from './messages.ts';

export interface ControlMethod<Request, Response> {
  /** The method's name on the wire. It must never change. */
  readonly name: string;
  readonly request: Message<Request>;
  readonly response: Message<Response>;
}

const method = <Request, Response>(
  name: string,
  request: Message<Request>,
  response: Message<Response>,
): ControlMethod<Request, Response> => ({ name, request, response });

/**
 * Single calls: one request, one response. Each call must be safe to repeat, because the broker retries when
 * it gets no answer. The first copy of a call may even arrive after the retry; docs/late-requests.md says why
 * this is harmless.
 */
export const controlCalls = {
  /**
   * The leader of a partition proposes another ISR (KIP-497, KIP-903), or a broker asks the controller to
   * remove its replica from the ISR and the ELR.
   */
  alterPartition: method('controller.alter-partition', AlterPartitionRequest, AlterPartitionResponse),
  /** A broker asks for a block of producer ids (KIP-730). */
  allocateProducerIds: method(
    'controller.allocate-producer-ids',
    AllocateProducerIdsRequest,
    AllocateProducerIdsResponse,
  ),
  /** A broker passes on a client's request that only the active controller can answer (KIP-590). */
  forward: method('controller.forward', ForwardRequest, ForwardResponse),
};
export type ControlCallName = keyof typeof controlCalls;

/**
 * The control stream of a broker, which carries any number of requests: registrations, heartbeats, and
 * `leaves`. Each answer has the sequence of its request. `leaves` gets no answer.
 */
export const controlSession = method('controller.session', ControlRequest, ControlResponse);
