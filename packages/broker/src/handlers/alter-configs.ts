/**
 * AlterConfigs (33) and IncrementalAlterConfigs (44): the active controller decides. If no controller answers
 * in time, every resource gets an error.
 */
import { apis } from '@millrace/protocol';
import { defineHandler } from '../handler.ts';
import { type ForwardFailure, forward } from './forward.ts';

/** The requests have no timeout of their own. The controller waits for as long as this, too. */
const TIMEOUT_MS = 30_000;

export const alterConfigs = defineHandler(apis.alterConfigs, (broker, request, reply) => {
  const { resources } = request.body;
  const asked = { api: apis.alterConfigs, request, timeoutMs: TIMEOUT_MS };
  forward(broker, asked, reply, (failure) => failAll(resources, failure));
});

export const incrementalAlterConfigs = defineHandler(
  apis.incrementalAlterConfigs,
  (broker, request, reply) => {
    const { resources } = request.body;
    const asked = { api: apis.incrementalAlterConfigs, request, timeoutMs: TIMEOUT_MS };
    forward(broker, asked, reply, (failure) => failAll(resources, failure));
  },
);

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}

function failAll(resources: readonly Resource[], failure: ForwardFailure) {
  return {
    responses: resources.map(({ resourceType, resourceName }) => ({
      resourceType,
      resourceName,
      ...failure,
    })),
  };
}
