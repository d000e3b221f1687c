/**
 * Goal: the first start creates the folder of a local cluster, later starts use it, and no start overwrites
 * other files.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  bootstrapServers,
  nodesOf,
  readLayout,
  readOrMakeLayout,
  withSettings,
  writeLayout,
} from '../../src/cluster/layout.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-layout-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test('controllers get the first ids; brokers listen on the given port and the next ones', () => {
  const layout = readOrMakeLayout({ dir, controllers: 1, brokers: 2, port: 7000 });
  expect(nodesOf(layout).map((node) => [node.id, node.role, node.port])).toEqual([
    [1, 'controller', 8000],
    [2, 'broker', 7000],
    [3, 'broker', 7001],
  ]);
  expect(bootstrapServers(layout)).toBe('localhost:7000,localhost:7001');
});

test('the second start uses the cluster of the first', () => {
  writeLayout(withSettings(readOrMakeLayout({ dir, brokers: 2 }), { 'num.partitions': '4' }));
  expect(readOrMakeLayout({ dir })).toEqual(readLayout(dir));
  expect(readFileSync(join(dir, 'node-4', 'node.properties'), 'utf8')).toContain('num.partitions=4\n');
});

test('a start is refused if its options give other numbers of nodes than the folder has', () => {
  writeLayout(readOrMakeLayout({ dir }));
  expect(() => readOrMakeLayout({ dir, brokers: 5 })).toThrow('has --brokers 3, not 5');
});

test('a folder with other files, with a newer format or with a damaged cluster.json is refused', () => {
  writeFileSync(join(dir, 'thesis.txt'), 'mine');
  expect(() => readOrMakeLayout({ dir })).toThrow('contains files that are not a Millrace cluster');
  writeFileSync(join(dir, 'cluster.json'), '{"format": 99}');
  expect(() => readLayout(dir)).toThrow('was written by a newer Millrace (format 99');
  for (const damaged of ['{', '', 'null', '[]', '{}', '{"format": "1"}']) {
    writeFileSync(join(dir, 'cluster.json'), damaged);
    expect(() => readLayout(dir), damaged).toThrow('is not the description of a cluster');
  }
});
