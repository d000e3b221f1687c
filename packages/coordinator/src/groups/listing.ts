/** The filters of ListGroups. */
import type { ListedGroup, ListFilters } from './requests.ts';

/**
 * Returns a function that says whether the list includes a group. As in Kafka, the filter ignores the case of
 * states and types, and the space around states. An empty filter matches every group. This function prepares
 * the filters once, because a request may have many filters, and the broker may have many groups.
 */
export function groupFilter({ statesFilter, typesFilter }: ListFilters): (group: ListedGroup) => boolean {
  const states = new Set(statesFilter.map((state) => state.trim().toLowerCase()));
  const types = new Set(typesFilter.map((type) => type.toLowerCase()));
  return ({ groupState = '', groupType = '' }) => matches(states, groupState) && matches(types, groupType);
}

function matches(filter: ReadonlySet<string>, value: string): boolean {
  return filter.size === 0 || filter.has(value.toLowerCase());
}
