/**
 * Counts the error codes in the answers to clients, in fields of any depth, as `answer API CODE`. Coverage
 * uses these counts.
 */
import { errorName } from '@millrace/protocol';
import type { World } from '../world/index.ts';

export function countAnswerCodes(world: World, api: string, answer: unknown): void {
  if (typeof answer !== 'object' || answer === null || ArrayBuffer.isView(answer)) return;
  if (Array.isArray(answer)) {
    for (const item of answer) countAnswerCodes(world, api, item);
    return;
  }
  for (const name in answer) {
    const value: unknown = (answer as Record<string, unknown>)[name];
    if (name !== 'errorCode') countAnswerCodes(world, api, value);
    else if (typeof value === 'number' && value !== 0) world.count(`answer ${api} ${errorName(value)}`);
  }
}
