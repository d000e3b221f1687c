/** Events of consumer groups: why a group rebalances, and which members come and go. */
import type { EventDefinition } from './definition.ts';

export const groupEvents = {
  'group-rebalanced': {
    level: 'info',
    facts: ['group', 'epoch', 'cause', 'memberId', 'clientId', 'clientHost', 'reason?', 'afterMs?'],
    says: 'The broker rebalances group {group} in epoch {epoch}: {cause}.',
  },
  'group-member-removed': {
    level: 'info',
    facts: ['group', 'epoch', 'cause', 'memberId', 'clientId', 'clientHost', 'reason?', 'afterMs?'],
    says: 'The broker removes member {memberId} from group {group}: {cause}.',
  },
  'group-generation-began': {
    level: 'info',
    facts: ['group', 'generation', 'members', 'protocol', 'leader', 'afterMs'],
    says: 'The broker begins generation {generation} of group {group} with {members} members.',
  },
  'group-stable': {
    level: 'info',
    facts: ['group', 'generation', 'members', 'protocol', 'leader', 'afterMs'],
    says: 'The broker has the assignments of generation {generation} of group {group}.',
  },
} as const satisfies Record<string, EventDefinition>;
