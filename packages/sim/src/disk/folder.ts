/**
 * The names on a disk: folders and the names of files. A change of a name is durable once its folder is
 * synced. A power loss undoes some of the other changes: the newest first, back to a random one. An unsynced
 * change stays with its folder when the folder gets another name. So a later folder of the old name never
 * gets files of the first one.
 */
import { DiskError, type Prng } from '@millrace/base';
import { FileContent } from './content.ts';

/** A folder keeps its identity when a rename changes its path. */
interface Folder {
  path: string;
}

/** A name in a folder. */
interface Place {
  readonly folder: Folder;
  readonly name: string;
}

interface Change {
  readonly folder: Folder;
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
  private readonly folders = new Map<string, Folder>([['/', { path: '/' }]]);
  /** The unsynced changes of each folder, oldest first. */
  private readonly changes = new Map<Folder, Set<Change>>();
  private changeCount = 0;

  /** Another tree with the same names and bytes, all of them durable. */
  copy(): FileTree {
    const copy = new FileTree();
    for (const [path, content] of this.files) copy.files.set(path, content.copy());
    for (const path of this.folders.keys()) copy.folders.set(path, { path });
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
    const place = this.placeOf(path);
    const content = new FileContent();
    this.files.set(path, content);
    this.changed(place, () => this.files.delete(pathOf(place)));
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
    for (const path of this.folders.keys()) look(path);
    return [...names].sort();
  }

  makeFolder(path: string): void {
    if (this.folders.has(path)) return;
    this.makeFolder(parentOf(path));
    this.folders.set(path, { path });
    const place = this.placeOf(path);
    this.changed(place, () => this.take(pathOf(place)));
  }

  remove(path: string): void {
    const taken = this.take(path);
    if (taken.files.length + taken.folders.length === 0) return;
    const place = this.placeOf(path);
    this.changed(place, () => this.put(renamed(taken, path, pathOf(place))));
  }

  rename(from: string, to: string): void {
    if (!this.files.has(from) && !this.folders.has(from))
      throw new DiskError('ENOENT', `${from}: no such file or folder`);
    const [old, present] = [this.placeOf(from), this.placeOf(to)];
    const replaced = this.take(to);
    this.put(renamed(this.take(from), from, to));
    this.changed(old, () => {
      const path = pathOf(present);
      this.put(renamed(this.take(path), path, pathOf(old)));
      this.put(renamed(replaced, to, path));
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
    const known = this.folders.get(folder);
    const changes = known === undefined ? undefined : this.changes.get(known);
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
    // The names in a folder whose removal is durable are gone for good.
    for (const { folder, undo } of undone) if (this.folders.get(folder.path) === folder) undo();
    this.changes.clear();
    return undone.length > 0;
  }

  private placeOf(path: string): Place {
    const parent = parentOf(path);
    const folder = this.folders.get(parent);
    if (folder === undefined) throw new DiskError('ENOENT', `${path}: no such folder`);
    return { folder, name: path.slice(parent === '/' ? 1 : parent.length + 1) };
  }

  private changed({ folder }: Place, undo: () => void): void {
    let changes = this.changes.get(folder);
    if (changes === undefined) {
      changes = new Set();
      this.changes.set(folder, changes);
    }
    changes.add({ folder, number: this.changeCount++, undo });
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
    for (const entry of this.folders) if (isWithin(entry[0])) taken.folders.push(entry);
    for (const [known] of taken.files) this.files.delete(known);
    for (const [known] of taken.folders) this.folders.delete(known);
    return taken;
  }

  private put({ files, folders }: Subtree): void {
    for (const [path, content] of files) this.files.set(path, content);
    for (const [path, folder] of folders) {
      folder.path = path;
      this.folders.set(path, folder);
    }
  }
}

interface Subtree {
  readonly files: [string, FileContent][];
  readonly folders: [string, Folder][];
}

function renamed({ files, folders }: Subtree, from: string, to: string): Subtree {
  const moved = (path: string) => to + path.slice(from.length);
  return {
    files: files.map(([path, content]) => [moved(path), content]),
    folders: folders.map(([path, folder]) => [moved(path), folder]),
  };
}

function pathOf({ folder, name }: Place): string {
  return folder.path === '/' ? `/${name}` : `${folder.path}/${name}`;
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash > 0 ? path.slice(0, slash) : '/';
}
