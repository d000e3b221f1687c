/**
 * `npm run build`: writes the npm package `millrace` into dist/. The package contains every workspace package
 * as JavaScript and declarations, and depends only on registry packages. `npm pack ./dist` makes the tarball.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';

interface Manifest {
  name: string;
  version: string;
  description?: string;
  license?: string;
  dependencies?: Record<string, string>;
}

const root = join(import.meta.dirname, '..');
const out = join(root, 'dist');
const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Manifest;
const cli = read(join(root, 'packages/cli/package.json'));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const dependencies = registryDependencies();
await build({
  entryPoints: {
    main: join(root, 'packages/cli/src/main.ts'),
    index: join(root, 'packages/cli/src/index.ts'),
    // The program of a worker thread. The code that starts worker threads looks for this file in the folder
    // of its own file.
    'job-worker': join(root, 'packages/node/src/io/job-worker.ts'),
  },
  outdir: join(out, 'dist'),
  bundle: true,
  splitting: true, // a command loads only its own code
  format: 'esm',
  platform: 'node',
  target: 'node22',
  external: Object.keys(dependencies),
  sourcemap: true,
});
writeDeclarations();
cpSync(join(root, 'packages/cli/bin'), join(out, 'bin'), { recursive: true });
cpSync(join(root, 'packages/chaos/assets'), join(out, 'assets'), { recursive: true });
for (const file of ['README.md', 'LICENSE']) cpSync(join(root, file), join(out, file));
const manifest = {
  name: cli.name,
  version: cli.version,
  description: cli.description,
  license: cli.license,
  type: 'module',
  engines: { node: '>=22.15' },
  bin: { millrace: 'bin/millrace.mjs' },
  exports: { '.': { types: './dist/types/cli/src/index.d.ts', default: './dist/index.js' } },
  dependencies,
};
writeFileSync(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
process.stdout.write(`${cli.name} ${cli.version} is in dist/\n`);

/**
 * All registry dependencies of the workspace's packages. Throws if two packages want different versions of
 * the same dependency.
 */
function registryDependencies(): Record<string, string> {
  const all = new Map<string, string>();
  for (const file of globSync('packages/*/package.json', { cwd: root }).sort()) {
    for (const [name, version] of Object.entries(read(join(root, file)).dependencies ?? {})) {
      if (version.startsWith('workspace:')) continue;
      if ((all.get(name) ?? version) !== version)
        throw new Error(`${file} wants ${name} ${version}, others ${all.get(name)}`);
      all.set(name, version);
    }
  }
  return Object.fromEntries([...all].sort());
}

/**
 * Writes the declarations of the compiler, and replaces the names of workspace packages in them with paths.
 */
function writeDeclarations(): void {
  const types = join(out, 'dist', 'types');
  const options = [
    '--noEmit',
    'false',
    '--declaration',
    '--emitDeclarationOnly',
    '--rootDir',
    'packages',
    '--outDir',
    types,
  ];
  const config = join(root, 'tsconfig.build.json');
  const result = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', config, ...options], {
    cwd: root,
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(result.stdout);
  for (const file of globSync('**/*.d.ts', { cwd: types })) {
    const path = join(types, file);
    const text = readFileSync(path, 'utf8').replace(
      /["']@millrace\/([a-z]+)(\/[a-z]+)?["']/g,
      (_whole, name, sub) => {
        const target = join(types, name, 'src', sub ?? '', 'index.js');
        const way = relative(dirname(path), target);
        return `'${way.startsWith('.') ? way : `./${way}`}'`;
      },
    );
    writeFileSync(path, text.replace(/((?:from |import\()["'][^"']+)\.ts(["'])/g, '$1.js$2'));
  }
}
