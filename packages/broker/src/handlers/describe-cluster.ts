/**
 * DescribeCluster (60), KIP-700: lists the brokers. Refuses a request for the controllers (KIP-919), because
 * only a controller answers it.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { ALL_CLUSTER_OPERATIONS, NOT_REQUESTED } from '../authorized-operations.ts';
import { endpointOf, liveEndpoints, namedController } from '../cluster-view.ts';
import { defineHandler } from '../handler.ts';

const BROKERS = 1;
const CONTROLLERS = 2;
const ENDPOINT_TYPES_SINCE = 1;

export const describeCluster = defineHandler(apis.describeCluster, (broker, request, reply) => {
  const { version, body, listenerName } = request;
  if (body.endpointType !== BROKERS) {
    reply.send(endpointTypeError(version, body.endpointType));
    return;
  }
  const image = broker.image();
  const live = liveEndpoints(image, listenerName);
  const brokers = live.map((endpoint) => ({ brokerId: endpoint.nodeId, ...endpoint, isFenced: false }));
  if (body.includeFencedBrokers) {
    for (const registration of image.sortedBrokers()) {
      const endpoint = registration.fenced ? endpointOf(registration, listenerName) : undefined;
      if (endpoint !== undefined) brokers.push({ brokerId: endpoint.nodeId, ...endpoint, isFenced: true });
    }
    brokers.sort((a, b) => a.brokerId - b.brokerId);
  }
  reply.send({
    endpointType: BROKERS,
    clusterId: broker.clusterId() ?? '',
    controllerId: namedController(live, broker.brokerId),
    brokers: brokers.map(({ brokerId, host, port, rack, isFenced }) => ({
      brokerId,
      host,
      port,
      rack,
      isFenced,
    })),
    clusterAuthorizedOperations: body.includeClusterAuthorizedOperations
      ? ALL_CLUSTER_OPERATIONS
      : NOT_REQUESTED,
  });
});

function endpointTypeError(version: number, endpointType: number) {
  const known = endpointType === CONTROLLERS;
  const errorCode =
    version < ENDPOINT_TYPES_SINCE
      ? ErrorCode.INVALID_REQUEST
      : known
        ? ErrorCode.MISMATCHED_ENDPOINT_TYPE
        : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE;
  const errorMessage = known
    ? 'This is a broker. Send requests about controllers to a controller.'
    : `There is no endpoint type ${endpointType}.`;
  return { errorCode, errorMessage };
}
