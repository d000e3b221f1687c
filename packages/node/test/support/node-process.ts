/** The program of a node in a process of its own. Each argument is a setting, for example `node.id=1`. */
import { loadConfig, startNode } from '../../src/index.ts';

const overrides = Object.fromEntries(
  process.argv.slice(2).map((word): [string, string] => {
    const end = word.indexOf('=');
    return [word.slice(0, end), word.slice(end + 1)];
  }),
);
const node = await startNode(loadConfig({ overrides }));
process.on('SIGTERM', () => void node.stop().then(() => process.exit(0)));
await node.failed.catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
