import type { RpcPeer } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { MemoryRpcHub } from '../../src/testing/index.ts';

test('a service learns which endpoint calls, and which opens a stream', () => {
  const clock = new ManualClock();
  const hub = new MemoryRpcHub(clock);
  const peers: RpcPeer[] = [];
  const service = {
    call: (_method: string, _body: unknown, _reply: unknown, peer: RpcPeer) => void peers.push(peer),
    stream: (_method: string, _stream: unknown, peer: RpcPeer) => {
      peers.push(peer);
      return { message: () => {}, closed: () => {} };
    },
  };
  const address = { host: 'h', port: 1 };
  hub.endpoint('server').serve(address, service, { listening: () => {}, failed: () => {} });
  for (const name of ['a', 'b']) {
    const channel = hub.endpoint(name).channel(address);
    channel.call('m', new Uint8Array(0), 100, () => {});
    channel.openStream('s', { message: () => {}, closed: () => {} });
    clock.advance(10);
  }
  expect(peers.map((peer) => peer.address)).toEqual(['a', 'a', 'b', 'b']);
});
