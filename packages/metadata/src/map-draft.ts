/**
 * Collects the changes that a batch makes to one immutable map. Only the first change opens a mutable version
 * of the map, so a map that the batch does not touch costs nothing. `close` returns a new map that shares
 * every unchanged part.
 */
import type { Map as ImmutableMap } from 'immutable';

export class MapDraft<K, V> {
  private readonly original: ImmutableMap<K, V>;
  private opened: ImmutableMap<K, V> | undefined;

  constructor(original: ImmutableMap<K, V>) {
    this.original = original;
  }

  get(key: K): V | undefined {
    return (this.opened ?? this.original).get(key);
  }

  has(key: K): boolean {
    return (this.opened ?? this.original).has(key);
  }

  set(key: K, value: V): void {
    this.open().set(key, value);
  }

  delete(key: K): void {
    this.open().delete(key);
  }

  /** Returns the original map if nothing changed, so that images can be compared by identity. */
  close(): ImmutableMap<K, V> {
    return this.opened?.wasAltered() === true ? this.opened.asImmutable() : this.original;
  }

  private open(): ImmutableMap<K, V> {
    this.opened ??= this.original.asMutable();
    return this.opened;
  }
}
