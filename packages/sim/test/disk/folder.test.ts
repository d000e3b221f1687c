/** Goal: a power loss keeps or undoes unsynced names, independently of the files' contents. */
import { Prng } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { FileTree, type NamesAfterPowerLoss } from '../../src/disk/folder.ts';

function after(names: NamesAfterPowerLoss): FileTree {
  const tree = new FileTree();
  tree.create('/old').write(0, new Uint8Array([1]));
  tree.syncFolder('/');
  tree.file('/old')!.syncNow();
  tree.create('/new').write(0, new Uint8Array([2]));
  tree.rename('/new', '/old');
  tree.losePower(new Prng(1), names);
  for (const [, content] of tree.entries()) content.losePower(new Prng(1), 'lost');
  return tree;
}

it('a name survives a power loss without its content', () => {
  const tree = after('kept');
  expect(tree.list('/')).toEqual(['old']);
  expect(tree.file('/old')!.all()).toEqual(new Uint8Array(0));
});

it('a power loss undoes unsynced names', () => {
  const tree = after('undone');
  expect(tree.list('/')).toEqual(['old']);
  expect(tree.file('/old')!.all()).toEqual(new Uint8Array([1]));
});

it('a copy has the names and the bytes of the page cache; later changes of one tree do not change the other', () => {
  const tree = new FileTree();
  tree.makeFolder('/data');
  tree.create('/data/log').write(0, new Uint8Array([1]));
  const copy = tree.copy();
  tree.file('/data/log')!.write(0, new Uint8Array([2, 2]));
  tree.create('/data/later');
  copy.losePower(new Prng(1), 'undone');
  copy.file('/data/log')!.losePower(new Prng(1), 'lost');
  expect(copy.list('/data')).toEqual(['log']);
  expect(copy.file('/data/log')!.all()).toEqual(new Uint8Array([1]));
  copy.remove('/data/log');
  expect(tree.file('/data/log')!.all()).toEqual(new Uint8Array([2, 2]));
});

describe('an unsynced change in a folder that gets another name', () => {
  const setUp = () => {
    const tree = new FileTree();
    tree.makeFolder('/data/t-0');
    tree.create('/data/t-0/log').write(0, new Uint8Array([1]));
    for (const folder of ['/', '/data', '/data/t-0']) tree.syncFolder(folder);
    tree.create('/data/t-0/log.tmp').write(0, new Uint8Array([2]));
    tree.rename('/data/t-0/log.tmp', '/data/t-0/log');
    tree.create('/data/t-0/snapshot');
    tree.remove('/data/t-0/snapshot');
    tree.rename('/data/t-0', '/data/t-0-delete');
    return tree;
  };
  const bytesOf = (tree: FileTree, path: string) => [...(tree.file(path)?.all() ?? [])];

  it('is undone in the folder, and not in a later folder of the old name', () => {
    const tree = setUp();
    tree.makeFolder('/data/t-0');
    tree.syncFolder('/data');
    tree.losePower(new Prng(1), 'undone');
    expect(tree.list('/data')).toEqual(['t-0', 't-0-delete']);
    expect(tree.list('/data/t-0')).toEqual([]);
    expect(tree.list('/data/t-0-delete')).toEqual(['log']);
    expect(bytesOf(tree, '/data/t-0-delete/log')).toEqual([1]);
  });

  it('is undone after the rename of the folder is undone', () => {
    const tree = setUp();
    tree.losePower(new Prng(1), 'undone');
    expect(tree.list('/data')).toEqual(['t-0']);
    expect(tree.list('/data/t-0')).toEqual(['log']);
    expect(bytesOf(tree, '/data/t-0/log')).toEqual([1]);
  });

  it('is durable after a sync of the folder under its new name', () => {
    const tree = setUp();
    tree.syncFolder('/data/t-0-delete');
    tree.losePower(new Prng(1), 'undone');
    expect(tree.list('/data')).toEqual(['t-0']);
    expect(bytesOf(tree, '/data/t-0/log')).toEqual([2]);
  });

  it('brings nothing back after a durable removal of the folder', () => {
    const tree = setUp();
    tree.remove('/data/t-0-delete');
    tree.syncFolder('/data');
    tree.losePower(new Prng(1), 'undone');
    expect(tree.list('/data')).toEqual([]);
  });
});

it('a rename needs the folder of the new name', () => {
  const tree = new FileTree();
  tree.create('/log');
  expect(() => tree.rename('/log', '/data/log')).toThrow('/data/log: no such folder');
  expect(tree.list('/')).toEqual(['log']);
});
