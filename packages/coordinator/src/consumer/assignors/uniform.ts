/**
 * The assignor `uniform`: gives the members numbers of partitions that are as equal as the subscriptions
 * allow, and moves few partitions.
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
