/**
 * Installs the clients of other projects: each client once, into .cache, except kcat, which comes from
 * Debian's package manager. For a tool that cannot be installed, the result is `{ missing: why }`. By
 * default, the run then skips the tool's tests and prints the tool's name. With CI=true, the run fails.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers, run } from './exec.ts';
import { withLock } from './lock.ts';
import { cacheFolder, testRoot } from './paths.ts';
import { KAFKA_VERSION, kafkaPom } from './pom.ts';

const CONFLUENT_KAFKA_VERSION = '2.16.1';
const AIOKAFKA_VERSION = '0.14.0';
/**
 * The old client, with the packages that it imports if they are installed: codecs, a fast CRC-32C, and the
 * package `six`, which replaces the client's old copy of `six`.
 */
const OLD_KAFKA_PYTHON = [
  'kafka-python==1.4.7',
  'crc32c==2.9.post0',
  'lz4==4.4.5',
  'python-snappy==0.7.3',
  'six==1.17.0',
];
const INSTALL_LIMIT_MS = 600_000;

export const toolNames = ['kcat', 'confluent-kafka', 'aiokafka', 'kafka-python', 'java', 'franz-go'] as const;
export type ToolName = (typeof toolNames)[number];

/** A program with its first arguments, which are always the same. */
export interface Tool {
  readonly program: string;
  readonly args: readonly string[];
}
export type ToolState = Tool | { readonly missing: string };

const installers: Record<ToolName, () => Promise<ToolState>> = {
  kcat: installKcat,
  'confluent-kafka': () => installPython('python', [`confluent-kafka==${CONFLUENT_KAFKA_VERSION}`]),
  aiokafka: () => installPython('python-aio', [`aiokafka==${AIOKAFKA_VERSION}`]),
  'kafka-python': () => installPython('python-old', OLD_KAFKA_PYTHON),
  java: installJava,
  'franz-go': installFranzGo,
};

/** Installs the tool, or returns why that failed. Quick if the tool is already installed. */
export async function tool(name: ToolName): Promise<ToolState> {
  return await withLock(`tool-${name}`, async () => {
    try {
      return await installers[name]();
    } catch (error) {
      return { missing: (error as Error).message.trim().split('\n').slice(0, 12).join('\n') };
    }
  });
}

/** Returns the tool. Throws an error with the reason if the tool is missing. */
export async function neededTool(name: ToolName): Promise<Tool> {
  const state = await tool(name);
  if ('missing' in state) throw new Error(`${name} is needed here: ${state.missing}`);
  return state;
}

async function installKcat(): Promise<ToolState> {
  if (!(await answers('kcat', '-V'))) await installDebianPackages('kcat');
  return { program: 'kcat', args: [] };
}

/**
 * Installs Python with these packages into a separate virtual environment. The environments share one pip,
 * because the installation of a pip takes longer than that of the packages.
 */
async function installPython(name: string, packages: readonly string[]): Promise<ToolState> {
  const folder = join(cacheFolder(), name);
  await onceFor(folder, packages.join(' '), async () => {
    const pip = await sharedPip();
    await run('python3', ['-m', 'venv', '--without-pip', folder], { timeoutMs: INSTALL_LIMIT_MS });
    const args = ['-m', 'pip', 'install', '--quiet', '--prefix', folder, ...packages];
    await run(pip, args, { timeoutMs: INSTALL_LIMIT_MS });
  });
  return { program: join(folder, 'bin', 'python'), args: ['-B'] };
}

/** The Python of a virtual environment that has pip and no other package. */
async function sharedPip(): Promise<string> {
  const folder = join(cacheFolder(), 'python-pip');
  await withLock('python-pip', async () => {
    await onceFor(folder, 'pip', async () => {
      if (!(await answers('python3', '-c', 'import venv, ensurepip')))
        await installDebianPackages('python3', 'python3-venv');
      await run('python3', ['-m', 'venv', folder], { timeoutMs: INSTALL_LIMIT_MS });
    });
  });
  return join(folder, 'bin', 'python');
}

/**
 * Fetches Apache Kafka's jars by Maven (clients, tools, and the server for the benches), and compiles our
 * Java programs.
 */
async function installJava(): Promise<ToolState> {
  if (!(await answers('javac', '-version'))) await installDebianPackages('openjdk-17-jdk-headless');
  const jars = join(await kafkaFolder(), 'libs', '*');
  const sources = join(testRoot, 'clients', 'java');
  const files = readdirSync(sources).filter((file) => file.endsWith('.java'));
  const classes = join(cacheFolder(), 'java-classes');
  await onceFor(classes, digestOf(files.map((file) => join(sources, file))), async () => {
    await run('javac', ['-cp', jars, '-d', classes, ...files], { cwd: sources });
  });
  const args = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  return { program: 'java', args: [...args, '-cp', `${classes}:${join(sources, 'conf')}:${jars}`] };
}

/** Folder with Apache Kafka's jars in libs/. */
export async function kafkaFolder(): Promise<string> {
  const folder = join(cacheFolder(), `apache-kafka-${KAFKA_VERSION}`);
  const pom = kafkaPom();
  await withLock('maven', async () => {
    await onceFor(folder, createHash('sha256').update(pom).digest('hex'), async () => {
      if (!(await answers('mvn', '-v'))) await installDebianPackages('maven', 'openjdk-17-jdk-headless');
      cacheFolder(`apache-kafka-${KAFKA_VERSION}`);
      writeFileSync(join(folder, 'pom.xml'), pom);
      const goal = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=libs'];
      await run('mvn', goal, { cwd: folder, timeoutMs: INSTALL_LIMIT_MS });
    });
  });
  return folder;
}

async function installFranzGo(): Promise<ToolState> {
  if (!(await answers('go', 'version'))) return { missing: 'Go 1.25 or newer is not installed' };
  const sources = join(testRoot, 'clients', 'go');
  const folder = join(cacheFolder(), 'franz-go');
  const program = join(folder, 'client');
  const files = readdirSync(sources).filter((file) => file.startsWith('go.') || file.endsWith('.go'));
  await onceFor(folder, digestOf(files.map((file) => join(sources, file))), async () => {
    await run('go', ['build', '-o', program, '.'], { cwd: sources, timeoutMs: INSTALL_LIMIT_MS });
  });
  return { program, args: [] };
}

/**
 * Runs `work`, which fills the folder, unless an earlier run completed it with the same stamp. Before the
 * work, removes the results of a run with another stamp.
 */
async function onceFor(folder: string, stamp: string, work: () => Promise<void>): Promise<void> {
  const file = `${folder}.done`;
  if (existsSync(file) && existsSync(folder) && readFileSync(file, 'utf8') === stamp) return;
  rmSync(file, { force: true });
  rmSync(folder, { recursive: true, force: true });
  await work();
  writeFileSync(file, stamp);
}

function digestOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}

async function installDebianPackages(...packages: string[]): Promise<void> {
  const wanted = `needs Debian's ${packages.join(' and ')} (as root: apt-get install ${packages.join(' ')})`;
  if (process.getuid?.() !== 0 || !(await answers('apt-get', '--version'))) throw new Error(wanted);
  await withLock('apt', async () => {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const args = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
    try {
      await run('apt-get', args, { env, timeoutMs: INSTALL_LIMIT_MS });
    } catch {
      await run('apt-get', ['update', '-qq'], { env, timeoutMs: INSTALL_LIMIT_MS });
      await run('apt-get', args, { env, timeoutMs: INSTALL_LIMIT_MS });
    }
  });
}
