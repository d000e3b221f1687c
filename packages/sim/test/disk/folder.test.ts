/** Goal: a power loss keeps or undoes unsynced names, independently of the files' contents. */
import { Prng } from '@millrace/base';
import { expect, it } from 'vitest';
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
