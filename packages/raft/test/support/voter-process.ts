/**
 * One voter as a process of its own, for tests that kill it. Arguments: id, folder, ports of voters 1, 2, 3.
 * Takes proposals as lines on stdin. Prints events as JSON lines on stdout.
 */
import { type Clock, Prng } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import { GrpcRpc } from '@millrace/rpc/io';
import { Quorum } from '../../src/index.ts';
import { LevelStorage } from '../../src/io/index.ts';
import { quorumConfig } from './settings.ts';

const [id, folder, ...ports] = [process.argv[2]!, process.argv[3]!, ...process.argv.slice(4)];
const clock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (callback) => void setImmediate(callback),
};
const tell = (message: object) => void process.stdout.write(`${JSON.stringify(message)}\n`);
const voters = ports.map((port, index) => ({ id: index + 1, host: '127.0.0.1', port: Number(port) }));
const rpc = new GrpcRpc();

Quorum.open(
  {
    nodeId: Number(id),
    directoryId: new Prng(Number(id)).uuid(),
    voters,
    storage: new LevelStorage(folder!),
    rpc,
    clock,
    random: new Prng(Date.now() + Number(id)),
    logger: new MemoryLogger(),
    config: quorumConfig,
    listener: {
      committed: (batches) => {
        const records = batches.flatMap((batch) =>
          batch.records.map((record) => new TextDecoder().decode(record)),
        );
        tell({ event: 'committed', records });
      },
      becameLeader: (epoch) => tell({ event: 'active', epoch }),
      resigned: (epoch) => tell({ event: 'resigned', epoch }),
      leaderChanged: (leader) => tell({ event: 'leader', leader: leader?.nodeId ?? null }),
    },
    failed: (error) => {
      tell({ event: 'failed', message: error.message });
      process.exit(1);
    },
  },
  (quorum) => {
    const service = {
      call: (...call: Parameters<Quorum['handle']>) => void quorum.handle(...call),
      stream: () => ({ message: () => {}, closed: () => {} }),
    };
    rpc.serve({ host: '127.0.0.1', port: voters[Number(id) - 1]!.port }, service, {
      listening: () => tell({ event: 'listening' }),
      failed: (error) => tell({ event: 'failed', message: error.message }),
    });
    let rest = '';
    process.stdin.on('data', (chunk) => {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) quorum.propose([new TextEncoder().encode(line)]);
    });
  },
);
