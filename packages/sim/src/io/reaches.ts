/**
 * The functions that the guard of a simulated run wraps: the ways to the outside in Node's globals and
 * modules that code is likely to take.
 */
import { syncBuiltinESMExports } from 'node:module';
import { performance } from 'node:perf_hooks';

export interface Wrapping {
  wrap<T extends object>(what: string, target: T, forbids?: (args: unknown[], isNew: boolean) => boolean): T;
  unguard(target: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown;
}

/** The guard wraps all functions and classes that these modules export. */
const MODULES = [
  ...['fs', 'fs/promises', 'net', 'tls', 'dgram', 'dns', 'dns/promises', 'http', 'https', 'http2'],
  ...['child_process', 'worker_threads', 'cluster', 'timers', 'timers/promises', 'os'],
];

/**
 * Of these modules the guard wraps only functions with matching names, so digests stay usable in a
 * simulation.
 */
const SOME: Readonly<Record<string, RegExp>> = {
  crypto: /^(random|pseudoRandom|prng|rng|generate|getRandom)/,
};

const GLOBAL_FUNCTIONS = [
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch'],
  ...['MessageChannel', 'BroadcastChannel'],
];
const PROCESS_FUNCTIONS = [
  ...['nextTick', 'hrtime', 'uptime', 'cpuUsage', 'resourceUsage', 'memoryUsage'],
  ...['kill', 'abort', 'exit', 'chdir', 'cwd'],
];
const CONSOLE_FUNCTIONS = ['log', 'info', 'warn', 'error', 'debug', 'trace'];

export function installReaches({ wrap, unguard }: Wrapping): void {
  /** A function may be in several places; the same wrapper replaces it everywhere. */
  const known = new Map<object, object>();

  const replace = (owner: object, key: string, name: string): void => {
    const found = Object.getOwnPropertyDescriptor(owner, key);
    const value: unknown = found?.value;
    if (found === undefined || typeof value !== 'function') return;
    if (!found.configurable && !found.writable) return;
    let wrapped = known.get(value);
    if (wrapped === undefined) {
      wrapped = wrap(name, value);
      known.set(value, wrapped);
      known.set(wrapped, wrapped);
    }
    Object.defineProperty(owner, key, { ...found, value: wrapped });
  };
  const replaceAll = (owner: object, keys: readonly string[], of: string): void => {
    for (const key of keys) replace(owner, key, of === '' ? key : `${of}.${key}`);
  };

  replaceAll(globalThis, GLOBAL_FUNCTIONS, '');
  replace(process.hrtime, 'bigint', 'process.hrtime.bigint');
  replaceAll(process, PROCESS_FUNCTIONS, 'process');
  replaceAll(Math, ['random'], 'Math');
  replaceAll(Atomics, ['wait', 'waitAsync'], 'Atomics');
  replaceAll(AbortSignal, ['timeout'], 'AbortSignal');
  replaceAll(Object.getPrototypeOf(performance) as object, ['now', 'mark', 'measure'], 'performance');
  replaceAll(Object.getPrototypeOf(globalThis.crypto) as object, ['getRandomValues', 'randomUUID'], 'crypto');
  replaceDate(wrap);
  for (const name of MODULES) {
    const module = builtin(name);
    replaceAll(module, Object.keys(module), name);
  }
  for (const [name, pattern] of Object.entries(SOME)) {
    const module = builtin(name);
    const keys = Object.keys(module).filter((key) => pattern.test(key));
    replaceAll(module, keys, name);
  }
  for (const name of CONSOLE_FUNCTIONS as 'log'[]) console[name] = unguard(console[name]);
  syncBuiltinESMExports(); // replaces functions that were imported by name as well
}

/** A Date of a given time is plain arithmetic; only the current time comes from outside. */
function replaceDate(wrap: Wrapping['wrap']): void {
  const { Date: Original } = globalThis;
  Original.now = wrap('Date.now', Original.now);
  globalThis.Date = wrap('Date', Original, (args, isNew) => !isNew || args.length === 0);
}

function builtin(name: string): object {
  return process.getBuiltinModule(`node:${name}`) as unknown as object;
}
