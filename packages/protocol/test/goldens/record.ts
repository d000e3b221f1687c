/**
 * Records golden bytes: a TCP proxy between a client and a real broker writes exchanges of our APIs to
 * <api>-v<version>.hex beside this file. It never replaces a client's paragraph that is already recorded.
 *
 *     node record.ts LISTEN_PORT BROKER_PORT 'kcat 1.7.1 (librdkafka 2.0.2)' [API…]
 *
 * The broker must advertise LISTEN_PORT. Stops with SIGTERM or SIGINT. For every API and version the proxy
 * keeps the exchange with the most bytes (up to a limit), and also the first exchange if its size differs.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type AnyApi, apiByKey, FrameReader } from '@millrace/protocol';

const EXCHANGE_BYTES_MAX = 6000;
const [listenPort, brokerPort, client, ...only] = process.argv.slice(2);
if (client === undefined) throw new Error('usage: record.ts LISTEN_PORT BROKER_PORT CLIENT');

interface Exchange {
  readonly request: Uint8Array;
  readonly response: Uint8Array;
}
const seen = new Map<string, { api: AnyApi; version: number; exchanges: Exchange[] }>();

function record(request: Uint8Array, response: Uint8Array): void {
  const view = new DataView(request.buffer, request.byteOffset);
  const [key, version] = [view.getInt16(0), view.getInt16(2)];
  const api = apiByKey.get(key);
  if (api !== undefined && only.length > 0 && !only.includes(api.name)) return;
  if (api === undefined || request.length + response.length > EXCHANGE_BYTES_MAX) return;
  const name = `${api.name}-v${version}`;
  const entry = seen.get(name) ?? { api, version, exchanges: [] };
  seen.set(name, entry);
  entry.exchanges.push({ request: request.slice(), response: response.slice() });
}

const bytesOf = (exchange: Exchange) => exchange.request.length + exchange.response.length;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function save(): void {
  for (const [name, { api, version, exchanges }] of seen) {
    const path = join(import.meta.dirname, `${name}.hex`);
    const heading = `# ${api.name} (${api.key}) v${version}: frames without their size, > request, < response\n`;
    const old = existsSync(path) ? readFileSync(path, 'utf8') : heading;
    if (old.includes(`# ${client}\n`)) continue;
    const first = exchanges[0]!;
    const largest = exchanges.reduce((a, b) => (bytesOf(b) > bytesOf(a) ? b : a));
    const kept = bytesOf(first) === bytesOf(largest) ? [first] : [first, largest];
    const lines = kept.map(({ request, response }) => `> ${hex(request)}\n< ${hex(response)}\n`);
    writeFileSync(path, `${old}\n# ${client}\n${lines.join('')}`);
  }
}

createServer((socket) => {
  const broker = connect(Number(brokerPort), '127.0.0.1');
  const requests = new FrameReader(0x7fffffff);
  const responses = new FrameReader(0x7fffffff);
  const waiting = new Map<number, Uint8Array>();
  const correlation = (frame: Uint8Array, at: number) =>
    new DataView(frame.buffer, frame.byteOffset).getInt32(at);
  socket.on('data', (chunk) => {
    requests.push(chunk as Uint8Array);
    for (let frame = requests.next(); frame !== undefined; frame = requests.next())
      waiting.set(correlation(frame, 4), frame);
    broker.write(chunk);
  });
  broker.on('data', (chunk) => {
    responses.push(chunk as Uint8Array);
    for (let frame = responses.next(); frame !== undefined; frame = responses.next()) {
      const request = waiting.get(correlation(frame, 0));
      if (request !== undefined) record(request, frame);
    }
    socket.write(chunk);
  });
  for (const [a, b] of [
    [socket, broker],
    [broker, socket],
  ] as const) {
    a.on('error', () => b.destroy());
    a.on('close', () => b.destroy());
  }
}).listen(Number(listenPort), '127.0.0.1');

for (const signal of ['SIGTERM', 'SIGINT'])
  process.once(signal, () => {
    save();
    process.exit(0);
  });
