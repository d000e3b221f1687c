/**
 * The sorted topic names of an image. They are computed on first use. If an older image has its sorted names
 * already, the new list is computed from the old list.
 */
import type { Uuid } from '@millrace/base';
import type { Map as ImmutableMap } from 'immutable';

const NO_NAMES: ReadonlySet<string> = new Set();

/** At most this many changed names are merged into an older list. With more, sorting all names is as fast. */
const CARRIED_NAMES_MAX = 64;

/** An older image's sorted names, and the names added or removed since. */
interface KnownNames {
  readonly sorted: readonly string[];
  readonly changed: ReadonlySet<string>;
}

export class TopicNames {
  private readonly ids: ImmutableMap<string, Uuid>;
  private sorted: readonly string[] | undefined;
  private known: KnownNames | undefined;

  /** `changedNames`: names of the topics that were added to `previous` or removed from it. */
  constructor(
    ids: ImmutableMap<string, Uuid>,
    previous?: TopicNames,
    changedNames: ReadonlySet<string> = NO_NAMES,
  ) {
    this.ids = ids;
    if (previous === undefined) return;
    const { sorted } = previous;
    const known = sorted === undefined ? previous.known : { sorted, changed: NO_NAMES };
    if (known === undefined || known.changed.size + changedNames.size > CARRIED_NAMES_MAX) return;
    const changed = changedNames.size === 0 ? known.changed : new Set([...known.changed, ...changedNames]);
    this.known = { sorted: known.sorted, changed };
  }

  /** The names of all topics, sorted by UTF-16 code unit. */
  get all(): readonly string[] {
    if (this.sorted !== undefined) return this.sorted;
    this.sorted =
      this.known === undefined
        ? [...this.ids.keys()].sort()
        : withChanges(this.known, (name) => this.ids.has(name));
    this.known = undefined;
    return this.sorted;
  }
}

/**
 * The sorted list with some names added or removed. Copies the list and finds each place by binary search,
 * because a sort would compare all names again.
 */
function withChanges({ sorted, changed }: KnownNames, exists: (name: string) => boolean): readonly string[] {
  if (changed.size === 0) return sorted;
  const names = [...sorted];
  for (const name of changed) {
    let low = 0;
    let high = names.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (names[middle]! < name) low = middle + 1;
      else high = middle;
    }
    const isThere = names[low] === name;
    if (isThere && !exists(name)) names.splice(low, 1);
    else if (!isThere && exists(name)) names.splice(low, 0, name);
  }
  return names;
}
