/**
 * Goal: `--set` of a local cluster refuses bad settings before it writes a file, keeps good settings for
 * later starts, and can remove the settings that it kept.
 */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@millrace/node/config';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readLayout, readOrMakeLayout, withSettings, writeLayout } from '../../src/cluster/layout.ts';
import { runCommandLine } from '../../src/command-line.ts';

let folder: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-settings-'));
  output = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    output += String(chunk);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** Every file below the folder, with its content and the time of its last change. */
function everything(): unknown[] {
  const files = globSync('**/*', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [path, readFileSync(path, 'utf8'), statSync(path).mtimeMs];
  });
}

function makeCluster(settings: Record<string, string> = {}): void {
  writeLayout(withSettings(readOrMakeLayout({ dir: folder, controllers: 1, brokers: 1 }), settings));
}

test.each([
  [
    'nun.partitions=3',
    "nun.partitions='3' is not a setting of Millrace (from --set nun.partitions); did you",
  ],
  ['num.partitions=many', "num.partitions='many' is not allowed; give an integer of at least 1"],
  ['process.roles=broker', 'listeners has the controllers'],
  ['process.roles=controller', 'which a controller needs'],
  ['num.partitions=', "num.partitions='' is not allowed"],
])('--set %s is refused and leaves the folder as it was', async (setting, sentence) => {
  makeCluster();
  const before = everything();
  expect(await runCommandLine(['cluster', 'start', '--dir', folder, '--set', setting])).toBe(1);
  expect(output).toContain(`millrace: `);
  expect(output).toContain(sentence);
  expect(everything()).toEqual(before);
});

test('a first start with a bad setting creates no folder', async () => {
  const dir = join(folder, 'new');
  expect(await runCommandLine(['cluster', 'start', '--dir', dir, '--set', 'nun.partitions=3'])).toBe(1);
  expect(existsSync(dir)).toBe(false);
});

test('a bad setting in cluster.json: the refusal names the file and how to remove the setting', async () => {
  makeCluster({ 'nun.partitions': '3' });
  expect(await runCommandLine(['cluster', 'start', '--dir', folder])).toBe(1);
  const file = join(folder, 'cluster.json');
  expect(output).toContain(
    `nun.partitions='3' is not a setting of Millrace (from ${file}, --set nun.partitions= removes it); did you mean num.partitions?`,
  );
});

test('a folder whose name log.dirs cannot contain is refused, and the refusal names the source of the setting', async () => {
  const dir = join(folder, 'a,b');
  expect(await runCommandLine(['cluster', 'start', '--dir', dir])).toBe(1);
  expect(output).toContain('give one folder (several are not supported) (from the layout of the cluster)');
  expect(existsSync(dir)).toBe(false);
});

test('settings stay for later starts until --set removes them', () => {
  makeCluster({ 'num.partitions': '4', 'broker.rack': 'r1' });
  const kept = readLayout(folder);
  expect(withSettings(kept, {}).settings).toEqual({ 'num.partitions': '4', 'broker.rack': 'r1' });
  expect(withSettings(kept, { 'num.partitions': '', 'log.roll.ms': '9' }).settings).toEqual({
    'broker.rack': 'r1',
    'log.roll.ms': '9',
  });
});

test('a node reads each setting exactly as the user gave it', () => {
  const rack = ' c:\\racks\\new=1 ';
  makeCluster({ 'broker.rack': rack.trim() });
  const config = loadConfig({ file: join(folder, 'node-2', 'node.properties') });
  expect(config.settings['broker.rack']).toBe(rack.trim());
  expect(config.logDirectory).toBe(join(folder, 'node-2', 'data'));
});

test('a port is refused if not every node would get a valid port; the refusal names the allowed range', async () => {
  const words = ['cluster', 'start', '--dir', join(folder, 'new')];
  expect(await runCommandLine([...words, '--port', '64600'])).toBe(1);
  expect(output).toContain(
    '--port 64600 is not allowed with 3 controllers and 3 brokers; give a whole number from 1 to 64533',
  );
  output = '';
  expect(await runCommandLine([...words, '--port', '64528', '--controllers', '9'])).toBe(1);
  expect(output).toContain('from 1 to 64527');
  expect(() => readOrMakeLayout({ dir: folder, port: 64533 })).not.toThrow();
  writeFileSync(join(folder, 'thesis.txt'), 'mine');
  expect(() => readOrMakeLayout({ dir: folder, port: 64600 })).toThrow('not a Millrace cluster');
});
