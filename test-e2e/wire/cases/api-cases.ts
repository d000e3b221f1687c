/**
 * The cases to write for an API: one valid request, from which the generic cases derive, and special ones.
 */
import type { Struct } from '../raw.ts';
import type { SetUp } from '../set-ups.ts';
import type { World } from '../world.ts';

export interface ApiCases {
  /** A valid request. It has elements in its arrays, so that there is something to mutate. */
  base(world: World, version: number): Struct;
  /** More requests to mutate in the same way. They have fields that `base` cannot have. */
  readonly variants?: readonly SpecialCase[];
  readonly special?: readonly SpecialCase[];
  /** The state of the group `{group}` before each case; by default nobody has used the id. */
  readonly setUp?: SetUp | ((version: number) => SetUp);
  /**
   * True: no answer depends on what an earlier case did to its group. Then all cases of a version with the
   * same set-up share one group, except unknown groups.
   */
  readonly readsOnly?: boolean;
  /** Names of generic cases that would harm the peer or the run. */
  readonly leftOut?: RegExp;
}

export interface SpecialCase {
  readonly name: string;
  /** In place of the set-up of the API. */
  readonly setUp?: SetUp;
  /** Undefined: this version has no such case. */
  value(world: World, version: number): Struct | undefined;
}
