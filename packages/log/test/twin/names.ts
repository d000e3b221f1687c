/**
 * The names on a device: folders, and the files in them. A change of a name is durable when a sync of its
 * folder ends. The other changes reach the device in their order: a power loss undoes the newest ones, back
 * to a random one.
 */
import { DiskError, type Prng } from '@millrace/base';
import { Content } from './content.ts';

interface Change {
  readonly folder: string;
  readonly undo: () => void;
  /** The path of a folder that the change renamed. */
  readonly renamed: string | undefined;
}

/** Files and folders that a change took away, by their paths. */
type Taken = readonly (readonly [string, Content | 'folder'])[];

export class Names {
  private readonly files = new Map<string, Content>();
  private readonly folders = new Set<string>(['/']);
  private unsynced: Change[] = [];

  file(path: string): Content | undefined {
    return this.files.get(path);
  }

  contents(): IterableIterator<Content> {
    return this.files.values();
  }

  paths(): string[] {
    return [...this.files.keys()];
  }

  isFolder(path: string): boolean {
    return this.folders.has(path);
  }

  list(folder: string): string[] {
    const prefix = folder === '/' ? '/' : `${folder}/`;
    const names = new Set<string>();
    for (const path of [...this.files.keys(), ...this.folders])
      if (path.startsWith(prefix) && path.length > prefix.length)
        names.add(path.slice(prefix.length).split('/')[0]!);
    return [...names].sort();
  }

  create(path: string): Content {
    if (!this.folders.has(parentOf(path))) throw new DiskError('ENOENT', `${path}: no such folder`);
    const content = new Content();
    this.files.set(path, content);
    this.changed(path, () => this.files.delete(path));
    return content;
  }

  makeFolder(path: string): void {
    if (this.folders.has(path)) return;
    this.makeFolder(parentOf(path));
    this.folders.add(path);
    this.changed(path, () => this.take(path));
  }

  remove(path: string): void {
    const taken = this.take(path);
    if (taken.length > 0) this.changed(path, () => this.put(taken));
  }

  rename(from: string, to: string): void {
    if (!this.files.has(from) && !this.folders.has(from))
      throw new DiskError('ENOENT', `${from}: no such file or folder`);
    const renamed = this.folders.has(from) ? from : undefined;
    const replaced = this.take(to);
    this.put(this.take(from), from, to);
    const undo = (): void => {
      this.put(this.take(to), to, from);
      this.put(replaced);
    };
    this.changed(from, undo, renamed);
  }

  /**
   * Begins a sync of a folder. The returned function ends it: the changes until now are durable. If a folder
   * was renamed, the earlier changes in it are durable, too, because they came before.
   */
  beginSync(folder: string): () => void {
    const covered = new Set<Change>();
    let renamed: string[] = [];
    for (const change of this.unsynced.toReversed()) {
      const isBelow = renamed.some((path) => `${change.folder}/`.startsWith(`${path}/`));
      if (change.folder !== folder && !isBelow) continue;
      covered.add(change);
      if (change.renamed !== undefined) renamed = [...renamed, change.renamed];
    }
    return () => {
      this.unsynced = this.unsynced.filter((change) => !covered.has(change));
    };
  }

  /** The oldest changes reach the device without a sync. */
  writeBack(random: Prng): void {
    this.unsynced.splice(0, random.below(this.unsynced.length + 1));
  }

  losePower(random: Prng): void {
    const kept = random.below(3);
    const count = kept === 0 ? 0 : kept === 1 ? this.unsynced.length : random.below(this.unsynced.length + 1);
    for (const { undo } of this.unsynced.slice(count).reverse()) undo();
    this.unsynced = [];
  }

  private changed(path: string, undo: () => void, renamed?: string): void {
    this.unsynced.push({ folder: parentOf(path), undo, renamed });
  }

  /** Removes a name, and everything below it. */
  private take(path: string): Taken {
    const isWithin = (known: string): boolean => known === path || known.startsWith(`${path}/`);
    if (!this.folders.has(path)) {
      const content = this.files.get(path);
      this.files.delete(path);
      return content === undefined ? [] : [[path, content]];
    }
    const taken: [string, Content | 'folder'][] = [];
    for (const folder of this.folders) if (isWithin(folder)) taken.push([folder, 'folder']);
    for (const [file, content] of this.files) if (isWithin(file)) taken.push([file, content]);
    for (const [name] of taken) {
      this.folders.delete(name);
      this.files.delete(name);
    }
    return taken;
  }

  private put(taken: Taken, from = '', to = ''): void {
    for (const [path, content] of taken) {
      const moved = to + path.slice(from.length);
      if (content === 'folder') this.folders.add(moved);
      else this.files.set(moved, content);
    }
  }
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash > 0 ? path.slice(0, slash) : '/';
}
