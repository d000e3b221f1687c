/**
 * Goal: the command line waits as long as a broker may take, and no longer. Method: a server with scripted
 * answers.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { apis, decodeRequestHeader, encodeResponseFrame, FrameReader } from '@millrace/protocol';
import { afterEach, expect, test } from 'vitest';
import { KafkaClient } from '../src/client.ts';
import { UserError } from '../src/user-error.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** Answers ApiVersions at once, and other requests after `answerMs` or never. Returns its address. */
async function broker(answerMs: number | undefined): Promise<string> {
  const server = createServer((socket) => {
    sockets.push(socket);
    const frames = new FrameReader(1 << 20);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      frames.push(chunk);
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
        const { apiKey, apiVersion, correlationId } = decodeRequestHeader(frame);
        if (apiKey === apis.apiVersions.key) {
          const apiKeys = [{ apiKey: apis.metadata.key, minVersion: 12, maxVersion: 12 }];
          socket.write(
            Buffer.concat(encodeResponseFrame(apis.apiVersions, apiVersion, correlationId, { apiKeys })),
          );
        } else if (answerMs !== undefined) {
          const answer = encodeResponseFrame(apis.metadata, apiVersion, correlationId, { topics: [] });
          setTimeout(() => socket.write(Buffer.concat(answer)), answerMs);
        }
      }
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return typeof address === 'object' ? `127.0.0.1:${address!.port}` : '';
}

test('an answer may take longer than the connection timeout', async () => {
  const client = await KafkaClient.connect(await broker(400), 200);
  expect((await client.call(apis.metadata, { topics: null })).topics).toEqual([]);
  client.close();
});

test('a broker that does not answer: the error names the broker, the request and the timeout', async () => {
  const address = await broker(undefined);
  const client = await KafkaClient.connect(address, 5000);
  const answer = client.call(apis.metadata, { topics: null }, 100);
  await expect(answer).rejects.toThrow(new UserError(`${address}: no answer to Metadata within 100 ms`));
  client.close();
});
