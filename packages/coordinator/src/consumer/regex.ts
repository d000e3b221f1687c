/**
 * The regular expressions with which members subscribe. Their syntax is RE2's. An expression matches a topic
 * if it matches the topic's whole name. The time of a match is at most proportional to the length of the name
 * and to the size of the compiled program. So this file limits the size of the program.
 */
import type { WallMillis } from '@millrace/base';
import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js';
import { estimatedProgramSize } from './regex-size.ts';

/** The most UTF-16 code units of an expression. */
const CHARS_MAX = 1_000;
/** With this limit, one match against a name of 249 characters takes some ten milliseconds at most. */
const INSTRUCTIONS_MAX = 1_100;
/**
 * Larger than INSTRUCTIONS_MAX, because the estimate may be too large. A program of this size compiles in
 * some ten milliseconds at most.
 */
const ESTIMATE_MAX = 4 * INSTRUCTIONS_MAX;

/** The topics that an expression matched. */
export interface ResolvedRegex {
  readonly topics: ReadonlySet<string>;
  /** The offset of the metadata whose topics were matched. */
  readonly version: number;
  readonly timestamp: WallMillis;
}

export interface CompiledRegex {
  /** The number of instructions. */
  readonly programSize: number;
  matches(topicName: string): boolean;
}

/** Undefined if the expression is valid, else what is wrong with it. */
export function regexFault(regex: string): string | undefined {
  const compiled = compile(regex);
  return typeof compiled === 'string' ? compiled : undefined;
}

/** The compiled expression; undefined if it is not valid. */
export function compileRegex(regex: string): CompiledRegex | undefined {
  const compiled = compile(regex);
  return typeof compiled === 'string' ? undefined : compiled;
}

function compile(regex: string): CompiledRegex | string {
  if (regex.length > CHARS_MAX) return `it has more than ${CHARS_MAX} characters`;
  if (estimatedProgramSize(regex) > ESTIMATE_MAX) return TOO_LARGE;
  try {
    const compiled = RE2JS.compile(regex);
    const programSize = compiled.programSize();
    if (programSize > INSTRUCTIONS_MAX) return TOO_LARGE;
    return { programSize, matches: (name) => compiled.matches(name) };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return error instanceof RE2JSSyntaxException ? error.error : error.message;
  }
}

const TOO_LARGE = `its repetitions make a program of more than ${INSTRUCTIONS_MAX} instructions`;
