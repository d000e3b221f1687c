/**
 * Regular expressions that members subscribe with. The syntax is RE2's, so the time to match is linear in the
 * length of a topic name. An expression matches a topic if it matches the whole name.
 */
import type { WallMillis } from '@millrace/base';
import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js';

/** The topics that an expression matched. */
export interface ResolvedRegex {
  readonly topics: ReadonlySet<string>;
  /** The offset of the metadata whose topics were matched. */
  readonly version: number;
  readonly timestamp: WallMillis;
}

export interface CompiledRegex {
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
  try {
    const compiled = RE2JS.compile(regex);
    return { matches: (name) => compiled.matches(name) };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return error instanceof RE2JSSyntaxException ? error.error : error.message;
  }
}
