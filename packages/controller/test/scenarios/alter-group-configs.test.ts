/** Goal: groups have the configs of KIP-848, within the bounds that settings give. Method: transcripts. */
import { ConfigResourceType, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { alter, type Change } from '../support/alter.ts';
import { Harness } from '../support/harness.ts';

const SESSION = 'consumer.session.timeout.ms';
const INTERVAL = 'consumer.heartbeat.interval.ms';
const groupConfigs = new Map([
  [SESSION, { min: 10, max: 60, fallback: 45 }],
  [INTERVAL, { min: 5, max: 50, fallback: 5 }],
]);

function alterGroup(h: Harness, name: string, ...changes: Change[]) {
  const answer = alter(h, [{ type: ConfigResourceType.GROUP, name, changes }]);
  h.commit();
  return answer.value?.responses[0];
}

test('a group sets and resets configs; the group need not exist', () => {
  const h = new Harness({ groupConfigs });
  expect(alterGroup(h, 'g', ['SET', SESSION, '30'], ['SET', INTERVAL, '6'])?.errorCode).toBe(0);
  expect(Object.fromEntries(h.active.image.groupConfig('g'))).toEqual({ [SESSION]: '30', [INTERVAL]: '6' });
  alterGroup(h, 'g', ['DELETE', SESSION]);
  alterGroup(h, 'f', ['SET', SESSION, '30']);
  expect(Object.fromEntries(h.active.image.groupConfig('g'))).toEqual({ [INTERVAL]: '6' });
  expect(h.active.image.configuredGroups).toEqual(['f', 'g']);
});

const { INVALID_CONFIG, INVALID_REQUEST } = ErrorCode;
test.each([
  ['', ['SET', SESSION, '30'], INVALID_REQUEST, 'Default group resources are not allowed.'],
  [
    'g',
    ['SET', SESSION, '9'],
    INVALID_CONFIG,
    `invalid value '9' for config ${SESSION}: must be a whole number from 10 to 60`,
  ],
  ['g', ['SET', SESSION, '61'], INVALID_CONFIG, 'from 10 to 60'],
  ['g', ['SET', SESSION, 'long'], INVALID_CONFIG, 'from 10 to 60'],
  [
    'g',
    ['SET', 'consumer.max.size', '5'],
    INVALID_CONFIG,
    `unknown group config consumer.max.size: allowed are ${SESSION}, ${INTERVAL}`,
  ],
  ['g', ['APPEND', SESSION, '30'], INVALID_CONFIG, 'because it is not a list'],
  ['g', ['SET', INTERVAL, '46'], INVALID_CONFIG, `${SESSION} (45) must be larger than ${INTERVAL} (46)`],
] as const)("group '%s': %s is refused", (name, change, errorCode, text) => {
  const h = new Harness({ groupConfigs });
  expect(alterGroup(h, name, change)).toMatchObject({
    errorCode,
    errorMessage: expect.stringContaining(text),
  });
  expect(h.active.image.configuredGroups).toEqual([]);
});
