/**
 * The cases of one API: a valid request (`base`), from which mutations.ts derives the generic cases, and
 * special cases, which are written by hand.
 */
import type { Struct } from '../raw.ts';
import type { SetUp } from '../set-ups.ts';
import type { World } from '../world.ts';

export interface ApiCases {
  /** A valid request. It has elements in its arrays, so that there is something to mutate. */
  base(world: World, version: number): Struct;
  /** More valid requests to mutate. They have fields that `base` cannot have. */
  readonly variants?: readonly SpecialCase[];
  readonly special?: readonly SpecialCase[];
  /** The state of the group `{group}` before each case. By default, no request has used the group id yet. */
  readonly setUp?: SetUp | ((version: number) => SetUp);
  /**
   * True if no answer depends on what earlier cases did to the group. Then all cases of a version that have
   * the same set-up share one group, unless this set-up is `fresh`.
   */
  readonly readsOnly?: boolean;
  /** The names of generic cases to leave out, because they would harm the peer or the run. */
  readonly leftOut?: RegExp;
}

export interface SpecialCase {
  readonly name: string;
  /** Replaces the set-up of the API. */
  readonly setUp?: SetUp;
  /** Undefined: this version has no such case. */
  value(world: World, version: number): Struct | undefined;
}
