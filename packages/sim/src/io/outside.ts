/**
 * The guard around a simulated run: while it is on, code that reaches for a real clock, timer, random source,
 * socket or file gets an error that names the caller. While it is off, everything works as usual. reaches.ts
 * lists the guarded functions; the guard wraps them once, at its first use in a process.
 *
 * The guard cannot refuse a promise where code creates it, because the engine does not let a hook throw. So
 * the guard notes the promise, and the run fails at its end. The run also fails if code catches the guard's
 * error. Code may use the console, which only writes.
 */
import { promiseHooks } from 'node:v8';
import { installReaches } from './reaches.ts';

export class OutsideError extends Error {
  override readonly name = 'OutsideError';
}

export interface Guarded<T> {
  readonly result: T;
  /** The first reach for the outside and its caller, even if the caller swallowed the error. */
  readonly reached: string | undefined;
}

type Anything = (...args: unknown[]) => unknown;

const FRAMES_MAX = 50;

let isInstalled = false;
let isOn = false;
let reached: string | undefined;

/** Runs a function with the guard on. */
export function guarded<T>(run: () => T): Guarded<T> {
  if (!isInstalled) {
    isInstalled = true;
    installReaches({ wrap, unguard });
  }
  reached = undefined;
  const stopHook = promiseHooks.onInit(function promiseMade() {
    if (isOn) note('a promise', promiseMade);
  });
  isOn = true;
  try {
    return { result: run(), reached };
  } finally {
    isOn = false;
    stopHook();
  }
}

/**
 * Wraps a function or class. While the guard is on, the wrapper throws if `forbids` returns true for the
 * arguments.
 */
function wrap<T extends object>(
  what: string,
  target: T,
  forbids: (args: unknown[], isNew: boolean) => boolean = () => true,
): T {
  return new Proxy(target, {
    apply: function called(original, self, args) {
      if (isOn && forbids(args, false)) refuse(what, called);
      return Reflect.apply(original as Anything, self, args);
    },
    construct: function constructed(original, args, newTarget) {
      if (isOn && forbids(args, true)) refuse(`new ${what}`, constructed);
      return Reflect.construct(original as Anything, args, newTarget) as object;
    },
  });
}

/** Wraps a function. The wrapper turns the guard off while the function runs. */
function unguard(target: Anything): Anything {
  return (...args) => {
    const wasOn = isOn;
    isOn = false;
    try {
      return target(...args);
    } finally {
      isOn = wasOn;
    }
  };
}

function refuse(what: string, trap: object): void {
  const sentence = note(what, trap);
  if (sentence !== undefined) throw new OutsideError(sentence);
}

/**
 * Notes a reach for the outside. Returns the sentence for the error; undefined if Node's own code calls
 * `process.nextTick`, which is allowed.
 */
function note(what: string, trap: object): string | undefined {
  isOn = false;
  try {
    const frames = framesAbove(trap);
    if (what === 'process.nextTick' && frames[0]?.includes('node:')) return undefined;
    const caller = frames.find((frame) => !/node:|<anonymous>\)$/.test(frame)) ?? 'unknown code';
    const sentence = `${what} was reached for inside of the simulation, by ${placeOf(caller)}`;
    reached ??= sentence;
    return sentence;
  } finally {
    isOn = true;
  }
}

function framesAbove(trap: object): string[] {
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES_MAX;
  Error.captureStackTrace(holder, trap as Anything);
  const stack = holder.stack ?? '';
  Error.stackTraceLimit = limit;
  return stack.split('\n').filter((line) => line.startsWith('    at '));
}

/** For example `at name (file:///a/b.ts:3:14)` becomes `name (/a/b.ts:3)`. */
function placeOf(frame: string): string {
  return frame
    .trim()
    .replace(/^at /, '')
    .replace('file://', '')
    .replace(/:(\d+):\d+(\)?)$/, ':$1$2');
}
