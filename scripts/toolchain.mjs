/** Finds Node 24 and pnpm after the setup. Plain JavaScript, because it runs on any Node from 18 on. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const toolchain = join(root, 'toolchain');
export const pnpmScript = join(toolchain, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs');

/**
 * The path of the pinned Node. If npm has no Node 24 for this platform, returns the path of the Node that
 * runs this script, and throws if that Node is too old.
 */
export function nodeBinary() {
  const platform = `${process.platform}-${process.arch}`;
  for (const name of [`node-${platform}`, `node-bin-${platform}`]) {
    const binary = join(toolchain, 'node_modules', name, 'bin', 'node');
    if (existsSync(binary)) return binary;
  }
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  throw new Error(`npm has no Node 24 for ${platform}; install Node 24 or newer and run this again`);
}
