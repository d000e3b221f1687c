/** Requests that alter configs, in a short form, and what they leave behind. */
import type { Uuid } from '@millrace/base';
import { type AlterConfigsResponse, ConfigOperation, ConfigResourceType } from '@millrace/protocol';
import { type Answer, type Harness, pendingAnswer, resolve } from './harness.ts';

export type Operation = keyof typeof ConfigOperation;
export type Change = readonly [operation: Operation | number, name: string, value?: string | null];

export interface Altered {
  readonly type?: number;
  readonly name: string;
  readonly changes: readonly Change[];
}

export interface AlterOptions {
  readonly validateOnly?: boolean;
  readonly requestId?: Uuid;
}

/** Sends IncrementalAlterConfigs to the controller. Returns its answer. */
export function alter(
  h: Harness,
  resources: readonly Altered[],
  { validateOnly = false, requestId }: AlterOptions = {},
): Answer<AlterConfigsResponse> {
  const request = {
    validateOnly,
    resources: resources.map(({ type, name, changes }) => ({
      resourceType: type ?? ConfigResourceType.TOPIC,
      resourceName: name,
      configs: changes.map(([operation, key, value]) => ({
        name: key,
        configOperation: typeof operation === 'number' ? operation : ConfigOperation[operation],
        value: value ?? null,
      })),
    })),
  };
  const answer: Answer<AlterConfigsResponse> = pendingAnswer();
  const info = { version: 1, clientId: 'admin', requestId };
  h.active.incrementalAlterConfigs(request, info, h.now, (response) => resolve(answer, response));
  return answer;
}

/** Sends AlterConfigs of one topic. Returns the controller's answer. */
export function replaceConfigs(
  h: Harness,
  topic: string,
  configs: Readonly<Record<string, string | null>>,
  { validateOnly = false, requestId }: AlterOptions = {},
): Answer<AlterConfigsResponse> {
  const resource = {
    resourceType: ConfigResourceType.TOPIC,
    resourceName: topic,
    configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
  };
  const answer: Answer<AlterConfigsResponse> = pendingAnswer();
  const info = { version: 2, clientId: 'admin', requestId };
  const request = { validateOnly, resources: [resource] };
  h.active.alterConfigs(request, info, h.now, (response) => resolve(answer, response));
  return answer;
}

/** The configs that are set on the topic, as committed. */
export function topicConfigs(h: Harness, topic: string): Record<string, string> {
  return Object.fromEntries([...h.active.image.topicConfig(topic)].sort());
}

export function codes({ value }: Answer<AlterConfigsResponse>): number[] | undefined {
  return value?.responses.map(({ errorCode }) => errorCode);
}
