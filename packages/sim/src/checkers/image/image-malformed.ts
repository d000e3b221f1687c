/** The committed metadata image keeps the rules that the code that reads it relies on. */
import type { MetadataImage, PartitionImage } from '@millrace/metadata';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import { partitionSteps } from './partition-steps.ts';

const NAME = 'image-malformed';

export const imageMalformed: StateCheckerKind = {
  name: NAME,
  sentence:
    'topic names are unique; replicas are registered brokers; ISR, ELR and former ISR are subsets of the replicas, and the ISR shares no member with the other two',
  make: (scope) => ({ committed: (before, after) => check(scope, before, after) }),
};

function check(scope: StateScope, before: MetadataImage, after: MetadataImage): void {
  const { byId, ids } = after.topics.state;
  const names = new Set([...byId.values()].map(({ name }) => name));
  if (names.size !== byId.size || ids.size !== byId.size)
    scope.world.fail(NAME, `${byId.size} topics have ${names.size} names, and ${ids.size} are found by name`);
  for (const { name, after: state } of partitionSteps(before, after)) {
    const problem = problemOf(state);
    if (problem !== undefined) scope.world.fail(NAME, `${name}: ${problem}`);
    const unknown = state.replicas.find((id) => after.broker(id) === undefined);
    if (unknown !== undefined)
      scope.world.fail(NAME, `${name} has a replica on broker ${unknown}, which is not registered`);
  }
}

function problemOf({ replicas, isr, elr, formerIsr, ...state }: PartitionImage): string | undefined {
  const { leader, lastKnownLeader } = state;
  const parts = { ISR: isr, ELR: elr, 'former ISR': formerIsr };
  if (new Set(replicas).size < replicas.length) return `the replicas ${replicas.join()} repeat a broker`;
  for (const [what, members] of Object.entries(parts)) {
    if (new Set(members).size < members.length) return `the ${what} ${members.join()} repeats a broker`;
    const stranger = members.find((id) => !replicas.includes(id));
    if (stranger !== undefined) return `broker ${stranger} is in the ${what} and has no replica`;
  }
  if (isr.length === 0) return 'the ISR is empty';
  const twice = [...elr, ...formerIsr].find((id) => isr.includes(id));
  if (twice !== undefined) return `broker ${twice} is in the ISR, and in the ELR or the former ISR as well`;
  if (leader !== -1 && lastKnownLeader !== -1)
    return `broker ${leader} leads, and broker ${lastKnownLeader} is the last known leader`;
  return undefined;
}
