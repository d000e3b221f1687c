/**
 * Goal: no command waits for a broker that has stopped answering. Method: a server that answers only the
 * first request.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { apis, decodeRequestHeader, encodeResponseFrame } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { brokersNotServing } from '../../src/cluster/status.ts';

const SIZE_BYTES = 4;

test('the connection to a silent broker closes soon after the broker counts as not serving', async () => {
  const versions = { apiKeys: [{ apiKey: apis.metadata.key, minVersion: 12, maxVersion: 12 }] };
  let closed: Promise<unknown> | undefined;
  const server = createServer((socket) => {
    closed = once(socket, 'close');
    socket.on('error', () => {});
    socket.once('data', (chunk) => {
      const { apiVersion, correlationId } = decodeRequestHeader(chunk.subarray(SIZE_BYTES));
      for (const bytes of encodeResponseFrame(apis.apiVersions, apiVersion, correlationId, versions))
        socket.write(bytes);
      socket.resume();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const layout = { directory: '/nowhere', controllers: 0, brokers: 1, port, settings: {} };
  expect(await brokersNotServing(layout)).toHaveLength(1);
  const began = performance.now();
  await closed;
  // By default a request may take 20 s.
  expect(performance.now() - began).toBeLessThan(10_000);
  server.close();
});
