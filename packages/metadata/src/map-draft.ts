/**
 * A persistent map during one batch: the first change opens it, so a family that a batch does not touch costs
 * nothing. Closed, it is a new map that shares every unchanged part, or the original one.
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

  /** The original map if nothing changed, so that images can be compared by identity. */
  close(): ImmutableMap<K, V> {
    return this.opened?.wasAltered() === true ? this.opened.asImmutable() : this.original;
  }

  private open(): ImmutableMap<K, V> {
    this.opened ??= this.original.asMutable();
    return this.opened;
  }
}
