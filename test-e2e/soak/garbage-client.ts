/** Connections with bytes that no Kafka client sends. Each kind of garbage says how the broker must react. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

export interface GarbageKind {
  readonly name: string;
  /** Creates the bytes for one connection. */
  readonly bytes: () => Buffer;
  /** Whether the broker must close the connection. If not, the broker may wait for more bytes. */
  readonly mustClose: boolean;
}

const REQUEST_BYTES_MAX = 104_857_600;

function frame(size: number, ...body: Buffer[]): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(size | 0);
  return Buffer.concat([head, ...body]);
}

/** A request in a frame with the right size. The header has version 1 and a client id. */
function request(apiKey: number, version: number, body: Buffer): Buffer {
  const header = Buffer.alloc(10);
  header.writeInt16BE(apiKey, 0);
  header.writeInt16BE(version, 2);
  header.writeInt32BE(7, 4);
  header.writeInt16BE(2, 8);
  const content = Buffer.concat([header, Buffer.from('go'), body]);
  return frame(content.length, content);
}

const [PRODUCE, FETCH, METADATA] = [0, 1, 3];

export const garbageKinds: readonly GarbageKind[] = [
  { name: 'random bytes, size too large', bytes: tooLargeRandom, mustClose: true },
  { name: 'random bytes', bytes: () => randomBytes(2000), mustClose: false },
  { name: 'half a frame', bytes: () => frame(1000, randomBytes(500)), mustClose: false },
  { name: 'half a size', bytes: () => Buffer.from([0, 0]), mustClose: false },
  { name: 'a frame of 2 GiB', bytes: () => frame(0x7fffffff, randomBytes(5000)), mustClose: true },
  {
    name: 'the largest frame allowed, never finished',
    bytes: () => frame(REQUEST_BYTES_MAX),
    mustClose: false,
  },
  { name: 'a negative size', bytes: () => frame(-5, randomBytes(100)), mustClose: true },
  { name: 'an empty frame', bytes: () => frame(0), mustClose: true },
  { name: 'an unknown API', bytes: () => request(999, 0, randomBytes(100)), mustClose: true },
  { name: 'an unknown version', bytes: () => request(METADATA, 99, randomBytes(20)), mustClose: true },
  { name: 'Produce with a random body', bytes: () => request(PRODUCE, 7, wild(300)), mustClose: true },
  { name: 'Fetch with a random body', bytes: () => request(FETCH, 11, wild(300)), mustClose: true },
  {
    name: 'Metadata of 2 billion topics',
    bytes: () => request(METADATA, 4, count(0x7fffffff)),
    mustClose: true,
  },
  { name: 'HTTP', bytes: () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), mustClose: true },
  {
    name: 'TLS',
    bytes: () => Buffer.from('16030100a5010000a10303'.padEnd(300, '5'), 'hex'),
    mustClose: true,
  },
];

/** 40 bytes of 0x7f, in which no length is valid, followed by random bytes. */
function wild(size: number): Buffer {
  const bytes = randomBytes(size);
  bytes.fill(0x7f, 0, 40);
  return bytes;
}

function count(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function tooLargeRandom(): Buffer {
  const bytes = randomBytes(2000);
  bytes[0] = 0x40 | (bytes[0] ?? 0);
  return bytes;
}

export type Ending = 'closed' | 'open' | 'no connection';

/** Sends the garbage, and waits up to `watchMs` for the broker to close the connection. */
export function throwGarbage(port: number, bytes: Buffer, watchMs: number): Promise<Ending> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let connected = false;
    const end = (ending: Ending) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(ending);
    };
    const timer = setTimeout(() => end(connected ? 'open' : 'no connection'), watchMs);
    socket.on('connect', () => {
      connected = true;
      socket.write(bytes);
    });
    socket.on('data', () => {}); // An error answer may come before the close.
    socket.on('error', () => {});
    socket.on('close', () => end(connected ? 'closed' : 'no connection'));
  });
}

const CONNECTS_AT_ONCE = 100;

/**
 * Opens `total` connections that send nothing, to each port in turn. Rejects if a node refuses a connection.
 */
export async function openSilent(ports: readonly number[], total: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < total) {
    const batch = Array.from({ length: Math.min(CONNECTS_AT_ONCE, total - sockets.length) }, (_, i) =>
      openOne(ports[i % ports.length] ?? 0),
    );
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

function openOne(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

/** The number of files and connections that this process may open. */
export function openFilesMax(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return line?.[1] === undefined ? Number.POSITIVE_INFINITY : Number(line[1]);
  } catch {
    return 4096;
  }
}
