/** Goal: only a client that asks gets Millrace's own fields. Any other client gets Kafka's bytes. */
import {
  type AnyApi,
  apis,
  type ConsumerGroupDescribeResponse,
  decodeResponseHeader,
  encodeResponseFrame,
} from '@millrace/protocol';
import { describe, expect, test } from 'vitest';

const rebalance = {
  atMs: 1_700_000_000_000,
  epoch: 3,
  cause: 'member joined',
  memberId: 'm',
  clientId: 'c',
  clientHost: '/127.0.0.1',
  reason: 'the member starts',
  afterMs: -1,
};

function frameOf(api: AnyApi, version: number, told: object): Uint8Array {
  const chunks = encodeResponseFrame(api, version, 1, { groups: [{ groupId: 'g', ...told }] });
  return Buffer.concat(chunks).subarray(4);
}

describe.each([
  [apis.describeGroups as AnyApi, 5],
  [apis.consumerGroupDescribe as AnyApi, 0],
])('$name', (api, flexible) => {
  const frame = (version: number, told: object) => frameOf(api, version, told);
  const read = (version: number, bytes: Uint8Array) => {
    const { bodyPosition } = decodeResponseHeader(api, version, bytes);
    return (api.decodeResponse(version, bytes, bodyPosition) as ConsumerGroupDescribeResponse).groups[0];
  };

  test('a client that does not ask gets the same bytes as from Kafka: the group ends without tagged fields', () => {
    const bytes = frame(flexible, { rebalances: null });
    expect(bytes).toEqual(frame(flexible, {}));
    expect(bytes.at(-2)).toBe(0);
    expect(read(flexible, bytes)?.rebalances).toBeNull();
  });

  test('a client that asks gets the rebalances', () => {
    expect(read(flexible, frame(flexible, { rebalances: [rebalance] }))?.rebalances).toEqual([rebalance]);
    expect(read(flexible, frame(flexible, { rebalances: [] }))?.rebalances).toEqual([]);
  });

  test('a client asks with one tagged field of a request; without the field it does not ask', () => {
    const asks = (value: object) => Buffer.concat(api.encodeRequest(flexible, value));
    const decoded = (value: object) =>
      api.decodeRequest(flexible, asks(value)) as { includeRebalances: boolean };
    expect(asks({ includeRebalances: false })).toEqual(asks({}));
    expect(decoded({}).includeRebalances).toBe(false);
    expect(decoded({ includeRebalances: true }).includeRebalances).toBe(true);
  });
});

test('a version of DescribeGroups without tagged fields has no rebalances', () => {
  const told = { rebalances: [rebalance] };
  expect(frameOf(apis.describeGroups, 4, told)).toEqual(frameOf(apis.describeGroups, 4, {}));
});
