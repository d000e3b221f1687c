/**
 * The assignor `uniform`: all members get about the same number of partitions, as far as their subscriptions
 * allow, and few partitions move.
 */
import { type AssignorInput, isHomogeneous, type TargetAssignment } from './assignor.ts';
import { Ownership } from './ownership.ts';
import { levelEqual } from './uniform-equal.ts';
import { levelMixed } from './uniform-mixed.ts';

export function assignUniform(input: AssignorInput): TargetAssignment {
  const ownership = new Ownership(input);
  if (input.members.length > 0) {
    if (isHomogeneous(input.members)) levelEqual(ownership);
    else levelMixed(ownership);
  }
  return ownership.result();
}
