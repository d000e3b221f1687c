import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { clientSockets, hasProc, parseSocketTable, socketsOfProcess } from '../../src/links/proc.ts';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4001 1 00 100 0 0 10 0
   1: 0100007F:B1C2 0100007F:2384 01 00000000:00000000 00:00000000 00000000  1000        0 4002 1 00 20 4 30 10 -1
   2: 0100007F:2384 0100007F:B1C2 01 00000000:00000000 00:00000000 00000000  1000        0 4003 1 00 20 4 30 10 -1
   3: 0100007F:B1C4 0100007F:2384 06 00000000:00000000 03:00000F2B 00000000     0        0 0 3 00
`;
const TABLE_6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 0000000000000000FFFF00000100007F:B1C6 0000000000000000FFFF00000100007F:2384 01 00000000:00000000 00:00000000 00000000  1000        0 4005 1 00 20 4 30 10 -1
`;

test('only sockets that connected to the ports count, and no socket without a process', () => {
  const ports = new Set([0x2384]);
  expect(parseSocketTable(TABLE, ports)).toEqual([{ localPort: 0xb1c2, remotePort: 0x2384, inode: '4002' }]);
  expect(parseSocketTable(TABLE_6, ports)).toEqual([
    { localPort: 0xb1c6, remotePort: 0x2384, inode: '4005' },
  ]);
  expect(parseSocketTable('', ports)).toEqual([]);
});

test.runIf(hasProc()).each(['127.0.0.1', '::ffff:127.0.0.1'])(
  'a socket of this process to %s is in the table',
  async (host) => {
    const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const remotePort = (server.address() as AddressInfo).port;
    const socket = connect(remotePort, host);
    onTestFinished(() => {
      socket.destroy();
      server.close();
    });
    await once(socket, 'connect');
    const found = clientSockets(new Set([remotePort]));
    expect(found).toEqual([{ localPort: socket.localPort, remotePort, inode: expect.any(String) }]);
    expect(socketsOfProcess(process.pid)).toContain(found[0]!.inode);
  },
);

test('a process that has ended has no sockets', () => {
  expect(socketsOfProcess(2 ** 30)).toEqual([]);
});
