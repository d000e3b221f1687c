/**
 * The names on a disk: folders and the names of files. A change of a name is durable once its folder is
 * synced. A power loss undoes some of the other changes: the newest first, back to a random one.
 */
import { DiskError, type Prng } from '@millrace/base';
import { FileContent } from './content.ts';

interface Change {
  /** Orders the changes of all folders. */
  readonly number: number;
  readonly undo: () => void;
}

/**
 * What a power loss does to the unsynced changes of names. `some`: it undoes the newest ones, back to a
 * random one.
 */
export type NamesAfterPowerLoss = 'kept' | 'undone' | 'some';

export class FileTree {
  private readonly files = new Map<string, FileContent>();
  private readonly folders = new Set<string>(['/']);
  /** The unsynced changes of each folder, oldest first. */
  private readonly changes = new Map<string, Set<Change>>();
  private changeCount = 0;

  /** Another tree with the same names and bytes, all of them durable. */
  copy(): FileTree {
    const copy = new FileTree();
    for (const [path, content] of this.files) copy.files.set(path, content.copy());
    for (const path of this.folders) copy.folders.add(path);
    return copy;
  }

  file(path: string): FileContent | undefined {
    return this.files.get(path);
  }

  entries(): IterableIterator<[string, FileContent]> {
    return this.files.entries();
  }

  isFolder(path: string): boolean {
    return this.folders.has(path);
  }

  create(path: string): FileContent {
    const folder = parentOf(path);
    if (!this.folders.has(folder)) throw new DiskError('ENOENT', `${path}: no such folder`);
    const content = new FileContent();
    this.files.set(path, content);
    this.changed(folder, () => this.files.delete(path));
    return content;
  }

  list(folder: string): string[] {
    const prefix = folder === '/' ? '/' : `${folder}/`;
    const names = new Set<string>();
    const look = (path: string) => {
      if (!path.startsWith(prefix) || path.length === prefix.length) return;
      const slash = path.indexOf('/', prefix.length);
      names.add(path.slice(prefix.length, slash < 0 ? undefined : slash));
    };
    for (const path of this.files.keys()) look(path);
    for (const path of this.folders) look(path);
    return [...names].sort();
  }

  makeFolder(path: string): void {
    if (this.folders.has(path)) return;
    this.makeFolder(parentOf(path));
    this.folders.add(path);
    this.changed(parentOf(path), () => this.take(path));
  }

  remove(path: string): void {
    const taken = this.take(path);
    if (taken.files.length + taken.folders.length === 0) return;
    this.changed(parentOf(path), () => this.put(taken));
  }

  rename(from: string, to: string): void {
    if (!this.files.has(from) && !this.folders.has(from))
      throw new DiskError('ENOENT', `${from}: no such file or folder`);
    const replaced = this.take(to);
    this.put(renamed(this.take(from), from, to));
    this.changed(parentOf(from), () => {
      this.put(renamed(this.take(to), to, from));
      this.put(replaced);
    });
  }

  syncFolder(folder: string): void {
    this.beginSync(folder)();
  }

  /**
   * Begins a sync of the changes that the folder has had until now. The caller calls the returned function
   * when the device has these changes.
   */
  beginSync(folder: string): () => void {
    const changes = this.changes.get(folder);
    if (changes === undefined || changes.size === 0) return () => {};
    const covered = [...changes];
    return () => {
      for (const change of covered) changes.delete(change);
    };
  }

  /** Applies a power loss to the unsynced names. Returns whether it undid anything. */
  losePower(random: Prng, names: NamesAfterPowerLoss = 'some'): boolean {
    const changes = [...this.changes.values()].flatMap((ofFolder) => [...ofFolder]);
    changes.sort((a, b) => a.number - b.number);
    const some = random.below(changes.length + 1);
    const kept = names === 'some' ? some : names === 'kept' ? changes.length : 0;
    const undone = changes.slice(kept).reverse();
    for (const { undo } of undone) undo();
    this.changes.clear();
    return undone.length > 0;
  }

  private changed(folder: string, undo: () => void): void {
    let changes = this.changes.get(folder);
    if (changes === undefined) {
      changes = new Set();
      this.changes.set(folder, changes);
    }
    changes.add({ number: this.changeCount++, undo });
  }

  /** Removes a name and everything below it. Returns what it removed. */
  private take(path: string): Subtree {
    const taken: Subtree = { files: [], folders: [] };
    if (!this.folders.has(path)) {
      const content = this.files.get(path);
      if (content !== undefined) taken.files.push([path, content]);
      this.files.delete(path);
      return taken;
    }
    const below = `${path}/`;
    const isWithin = (known: string) => known === path || known.startsWith(below);
    for (const [known, content] of this.files) if (isWithin(known)) taken.files.push([known, content]);
    for (const known of this.folders) if (isWithin(known)) taken.folders.push(known);
    for (const [known] of taken.files) this.files.delete(known);
    for (const known of taken.folders) this.folders.delete(known);
    return taken;
  }

  private put({ files, folders }: Subtree): void {
    for (const [path, content] of files) this.files.set(path, content);
    for (const path of folders) this.folders.add(path);
  }
}

interface Subtree {
  readonly files: [string, FileContent][];
  readonly folders: string[];
}

function renamed({ files, folders }: Subtree, from: string, to: string): Subtree {
  const moved = (path: string) => to + path.slice(from.length);
  return {
    files: files.map(([path, content]) => [moved(path), content]),
    folders: folders.map(moved),
  };
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash > 0 ? path.slice(0, slash) : '/';
}
