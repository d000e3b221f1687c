/** The arithmetic of majorities. Does not depend on messages or roles. */
import { assert, type Offset } from '@millrace/base';

/** The smallest number of voters that is a majority. */
export function majoritySize(voters: number): number {
  assert(voters >= 1, 'a quorum has voters');
  return Math.floor(voters / 2) + 1;
}

/** The largest value that a majority has reached. `values` has one value for each voter. */
export function majorityReached(values: readonly number[]): Offset {
  const descending = [...values].sort((a, b) => b - a);
  return descending[majoritySize(values.length) - 1]!;
}

/** Whether an election is won, lost or open. `needed` grants win it. */
export function electionResult(o: {
  readonly voters: number;
  readonly needed: number;
  readonly granted: number;
  readonly rejected: number;
}): 'won' | 'lost' | 'open' {
  assert(o.granted + o.rejected <= o.voters, 'a voter votes once');
  if (o.granted >= o.needed) return 'won';
  return o.voters - o.rejected < o.needed ? 'lost' : 'open';
}
