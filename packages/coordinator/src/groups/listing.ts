/** The filters of ListGroups. */
import type { ListedGroup, ListFilters } from './requests.ts';

/**
 * States and types compare without regard to case, as in Kafka, and states also to the space around them. An
 * empty filter matches every group.
 */
export function matchesFilters(
  { groupState = '', groupType = '' }: ListedGroup,
  filters: ListFilters,
): boolean {
  const states = filters.statesFilter.map((state) => state.trim());
  return contains(states, groupState) && contains(filters.typesFilter, groupType);
}

function contains(filter: readonly string[], value: string): boolean {
  return filter.length === 0 || filter.some((one) => one.toLowerCase() === value.toLowerCase());
}
