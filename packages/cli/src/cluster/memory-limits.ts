/**
 * Limits for the memory that V8 and the C library keep in a node's process. The defaults of V8 and of the C
 * library suit programs on many cores: a young generation of 96 MiB or more, and a memory arena for each
 * thread. A broker keeps few objects between two requests, so it needs a smaller young generation and fewer
 * arenas. By default V8 also lets the heap grow to four times its content before it collects the whole heap.
 * docs/architecture.md has the measurements.
 */

/** The size of one of the three semi-spaces of V8's young generation. */
const SEMI_SPACE_MIB = 8;
/** V8 collects the whole heap when the heap has grown by this share since the last such collection. */
const HEAP_GROWTH_PERCENT = 50;
/** One arena for the event loop, one for the threads that read and write files. */
const ARENAS = '2';

/**
 * The arguments of `node` that limit the heap of a node's process. If the user's NODE_OPTIONS sets the size
 * of the young generation, the user's size wins. NODE_OPTIONS cannot set `--heap-growing-percent`, because
 * Node does not allow this flag there.
 */
export function heapArguments(environment: NodeJS.ProcessEnv): string[] {
  const isSet = /--max[-_]semi[-_]space[-_]size/.test(environment['NODE_OPTIONS'] ?? '');
  const growth = `--heap-growing-percent=${HEAP_GROWTH_PERCENT}`;
  return isSet ? [growth] : [growth, `--max-semi-space-size=${SEMI_SPACE_MIB}`];
}

/**
 * The environment variables that limit the memory of glibc; another C library ignores them. The user's own
 * value wins.
 */
export function mallocVariables(environment: NodeJS.ProcessEnv): Record<string, string> {
  return { MALLOC_ARENA_MAX: environment['MALLOC_ARENA_MAX'] ?? ARENAS };
}
