/**
 * Goal: a host's client waits as long as a broker may take, and no longer, and says what went wrong. Method:
 * servers with scripted answers.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { apis, decodeRequestHeader, encodeResponseFrame, FrameReader } from '@millrace/protocol';
import { afterEach, expect, test } from 'vitest';
import { ClientError, KafkaClient } from '../../src/io/index.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/**
 * Starts a broker that answers ApiVersions at once, and other requests after `answerMs` or never. Returns the
 * broker's address.
 */
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
  const client = await KafkaClient.connect(await broker(400), { connectTimeoutMs: 200 });
  expect((await client.call(apis.metadata, { topics: null })).topics).toEqual([]);
  client.close();
});

test('a broker that does not answer: the error names the broker, the request and the timeout', async () => {
  const address = await broker(undefined);
  const client = await KafkaClient.connect(address);
  const answer = client.call(apis.metadata, { topics: null }, { timeoutMs: 100 });
  const error = new ClientError(`${address}: no answer to Metadata within 100 ms`);
  await expect(answer).rejects.toThrow(error);
  await expect(client.call(apis.metadata, { topics: null })).rejects.toThrow(error);
  client.close();
});

test('calls may overlap; each gets its own answer, and close rejects those under way', async () => {
  const address = await broker(50);
  const client = await KafkaClient.connect(address);
  const calls = [null, []].map((topics) => client.call(apis.metadata, { topics }));
  expect((await Promise.all(calls)).map(({ topics }) => topics)).toEqual([[], []]);
  const late = client.call(apis.metadata, { topics: null });
  client.close();
  await expect(late).rejects.toThrow(new ClientError(`${address}: closed by the client`));
});

test('a call fails if the broker lacks the API, breaks the connection, or sends an undecodable answer', async () => {
  const address = await broker(undefined);
  const client = await KafkaClient.connect(address);
  expect([client.has(apis.metadata.key), client.has(apis.fetch.key)]).toEqual([true, false]);
  await expect(client.call(apis.fetch, { topics: [] })).rejects.toThrow(
    new ClientError(`${address} does not support any Fetch version of this client`),
  );
  const answer = client.call(apis.metadata, { topics: null });
  sockets.at(-1)!.resetAndDestroy();
  await expect(answer).rejects.toThrow(new ClientError(`${address}: connection reset by the peer`));
  const other = await KafkaClient.connect(address);
  const odd = other.call(apis.metadata, { topics: null });
  sockets.at(-1)!.write(Buffer.from([0, 0, 0, 5, 0, 0, 0, 1, 0]));
  await expect(odd).rejects.toThrow(/^Metadata v12 response/);
  await expect(other.call(apis.metadata, { topics: null })).rejects.toThrow(ClientError);
});

test('the broker closes the connection during a call, or before it is ready: the error says so', async () => {
  const address = await broker(undefined);
  const client = await KafkaClient.connect(address);
  const closed = new ClientError(`${address}: the broker closed the connection`);
  const answer = client.call(apis.metadata, { topics: null });
  sockets.at(-1)!.end();
  await expect(answer).rejects.toThrow(closed);
  await expect(client.call(apis.metadata, { topics: null })).rejects.toThrow(closed);
  servers.at(-1)!.prependListener('connection', (socket: Socket) => socket.end());
  await expect(KafkaClient.connect(address)).rejects.toThrow(closed);
});

test('bootstrap connects to the first broker that answers, or says why none answers', async () => {
  const address = await broker(0);
  const client = await KafkaClient.bootstrap(`127.0.0.1:1, ${address}`);
  expect(client.server).toBe(address);
  client.close();
  await expect(KafkaClient.bootstrap('127.0.0.1:1')).rejects.toThrow(
    /^no broker of 127\.0\.0\.1:1 answers \(127\.0\.0\.1:1: .*ECONNREFUSED/,
  );
  await expect(KafkaClient.connect('localhost')).rejects.toThrow(
    new ClientError("invalid broker address 'localhost': expected host:port, for example localhost:9092"),
  );
});
