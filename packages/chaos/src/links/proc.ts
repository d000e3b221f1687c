/** What Linux tells in /proc about sockets and the processes that have them. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A client's socket: `localPort` is its own port, `remotePort` the port that it connected to. */
export interface ClientSocket {
  readonly localPort: number;
  readonly remotePort: number;
  readonly inode: string;
}

/** IPv4 sockets, and IPv6 sockets: Java connects to IPv4 addresses with IPv6 sockets. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];

export function hasProc(): boolean {
  return existsSync(TABLES[0]!) && existsSync('/proc/self/fd');
}

/** The sockets of this machine that are connected to one of the ports. */
export function clientSockets(remotePorts: ReadonlySet<number>): ClientSocket[] {
  return TABLES.flatMap((table) => parseSocketTable(textOf(table), remotePorts));
}

/** A table has a heading, and then one line for each socket. Its ports are hexadecimal. */
export function parseSocketTable(text: string, remotePorts: ReadonlySet<number>): ClientSocket[] {
  const sockets: ClientSocket[] = [];
  for (const line of text.split('\n')) {
    const [, local, remote, , , , , , , inode] = line.trim().split(/ +/);
    // The inode 0: no process has the socket.
    if (local === undefined || remote === undefined || inode === undefined || inode === '0') continue;
    const remotePort = portOf(remote);
    if (remotePorts.has(remotePort)) sockets.push({ localPort: portOf(local), remotePort, inode });
  }
  return sockets;
}

/** The inodes of the open sockets of a process. Empty: it has ended, or belongs to another user. */
export function socketsOfProcess(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  const inodes: string[] = [];
  for (const fd of namesIn(folder)) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkAt(`${folder}/${fd}`))?.[1];
    if (inode !== undefined) inodes.push(inode);
  }
  return inodes;
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);
}

// A process may end, or close a file, while its folder is read. Then it has no socket there.

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
