/**
 * AlterConfigs (33) and IncrementalAlterConfigs (44): the active controller decides. As in Kafka, a client
 * must ask a broker itself to alter that broker's configs. So this broker refuses the resources that name
 * another broker, alters the levels of its own loggers, and forwards the others. If no controller answers in
 * time, every forwarded resource gets an error.
 */
import {
  type Api,
  apis,
  ConfigResourceType,
  ErrorCode,
  joinedChunks,
  type RequestOf,
} from '@millrace/protocol';
import { type BrokerContext, defineHandler, type Reply, type Request } from '../handler.ts';
import { alterLoggers, brokerIdOf } from './broker-loggers.ts';
import { forward } from './forward.ts';
import { resourceError } from './resource-error.ts';

/** The requests have no timeout field. The controller has the same limit. */
const TIMEOUT_MS = 30_000;

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}
interface Result extends Resource {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}
interface Body {
  readonly resources: readonly Resource[];
}
interface Answer {
  readonly responses: readonly Result[];
}

export const alterConfigs = defineHandler(apis.alterConfigs, (broker, request, reply) =>
  alter(broker, apis.alterConfigs, request, reply),
);

export const incrementalAlterConfigs = defineHandler(
  apis.incrementalAlterConfigs,
  (broker, request, reply) => {
    const ofLoggers = alterOwnLoggers(broker, request);
    alter(broker, apis.incrementalAlterConfigs, request, reply, ofLoggers);
  },
);

/** `known`: the results that the broker has already, in the order of the resources. */
function alter<Req extends Body>(
  broker: BrokerContext,
  api: Api<Req, Answer, Req, never>,
  request: Request<Req>,
  reply: Reply<Answer>,
  known: readonly (Result | undefined)[] = [],
): void {
  const { version, body } = request;
  const own = body.resources.map((resource, index) => known[index] ?? ownAnswer(broker, resource));
  const others = body.resources.filter((_, index) => own[index] === undefined);
  /** Sends all results in the order of the request. `results`: those of the forwarded resources. */
  const send = (results: readonly Result[]) => {
    let next = 0;
    reply.send({ responses: own.map((result) => result ?? results[next++]!) });
  };
  if (others.length === 0) {
    send([]);
    return;
  }
  const isWhole = others.length === own.length;
  const bytes = isWhole
    ? request.bytes
    : joinedChunks(api.encodeRequest(version, { ...body, resources: others }));
  forward(broker, { api, version, clientId: request.clientId, bytes, timeoutMs: TIMEOUT_MS }, (answer) => {
    if (!('body' in answer)) send(others.map((resource) => resultOf(resource, answer)));
    else if (isWhole) reply.sendEncoded(answer.body);
    else send(api.decodeResponse(version, answer.body).responses);
  });
}

/**
 * Alters the loggers of this broker. Returns the results in the order of the resources; undefined: the
 * resource is of another type. AlterConfigs cannot alter loggers, as in Kafka.
 */
function alterOwnLoggers(
  broker: BrokerContext,
  { body, clientId }: Request<RequestOf<typeof apis.incrementalAlterConfigs>>,
): (Result | undefined)[] {
  const loggers = body.resources.filter(({ resourceType }) => resourceType === BROKER_LOGGER);
  const timesNamed = Map.groupBy(loggers, ({ resourceName }) => brokerIdOf(resourceName) ?? resourceName);
  return body.resources.map((resource) => {
    const { resourceType, resourceName } = resource;
    if (resourceType !== BROKER_LOGGER) return undefined;
    const isRepeated = timesNamed.get(brokerIdOf(resourceName) ?? resourceName)!.length > 1;
    const { validateOnly } = body;
    const failure = isRepeated ? REPEATED : alterLoggers(broker, resource, { validateOnly, clientId });
    return resultOf(resource, failure ?? { errorCode: ErrorCode.NONE, errorMessage: null });
  });
}

const { BROKER_LOGGER } = ConfigResourceType;
const REPEATED = resourceError(ErrorCode.INVALID_REQUEST, 'Each resource must appear at most once.');

/** This broker's own answer, or undefined if the controller must answer. */
function ownAnswer({ brokerId }: BrokerContext, resource: Resource): Result | undefined {
  const { resourceType, resourceName } = resource;
  if (resourceType !== ConfigResourceType.BROKER || resourceName === '') return undefined;
  if (resourceName === String(brokerId)) return undefined;
  const errorMessage = /^-?\d+$/.test(resourceName)
    ? `Unexpected broker id, expected ${brokerId}, but received ${resourceName}`
    : `Node id must be an integer, but it is: ${resourceName}`;
  return resultOf(resource, { errorCode: ErrorCode.INVALID_REQUEST, errorMessage });
}

function resultOf(
  { resourceType, resourceName }: Resource,
  failure: { readonly errorCode: ErrorCode; readonly errorMessage: string | null },
): Result {
  return { resourceType, resourceName, ...failure };
}
