/**
 * Goal: a start that cannot work prints one sentence with a remedy, exits with 1, leaves nothing running and
 * does not change the folder.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@millrace/base/testing/io';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodesOf, readLayout } from '../../src/cluster/layout.ts';
import { stateOf } from '../../src/cluster/process.ts';
import { millrace } from '../support/command.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-refusals-'));
const words = ['cluster', 'start', '--dir', dir, '--foreground'];
const clusterFile = join(dir, 'cluster.json');
const metaOf = (id: number) => join(dir, `node-${id}`, 'data', 'meta.properties');

/** Makes a cluster that has served once, so that every node has stored the cluster id. */
beforeAll(async () => {
  const port = String(await freePort());
  const command = millrace([...words, '--controllers', '1', '--brokers', '1', '--port', port]);
  await command.said('The data is in');
  command.child.kill('SIGTERM');
  expect(await command.exit(), command.output()).toBe(0);
});

afterAll(async () => {
  await millrace(['cluster', 'stop', '--dir', dir]).exit();
  rmSync(dir, { recursive: true, force: true });
});

/** Starts the cluster and returns its refusal, one line. */
async function refusal(...more: string[]): Promise<string> {
  const before = readFileSync(clusterFile, 'utf8');
  const command = millrace([...words, ...more]);
  expect(await command.exit(), command.output()).toBe(1);
  expect(readFileSync(clusterFile, 'utf8')).toBe(before);
  const lines = command.output().trimEnd().split('\n');
  expect(lines.filter((line) => line.startsWith('millrace: '))).toHaveLength(1);
  return lines.at(-1) ?? '';
}

function states(): string[] {
  return nodesOf(readLayout(dir)).map(stateOf);
}

/** Changes a file, runs `work`, and restores the file. */
async function changed(file: string, from: RegExp, to: string, work: () => Promise<void>): Promise<void> {
  const text = readFileSync(file, 'utf8');
  expect(text).toMatch(from);
  writeFileSync(file, text.replace(from, to));
  try {
    await work();
  } finally {
    writeFileSync(file, text);
  }
}

test('a port that is taken', async () => {
  const { port } = readLayout(dir);
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  const sentence = await refusal();
  other.close();
  expect(sentence).toContain(`port ${port}, for broker 2, is taken by another program`);
  expect(states()).toEqual(['stopped', 'stopped']);
});

test('a data folder of another cluster', async () => {
  await changed(metaOf(2), /cluster\.id=.+/, 'cluster.id=ASTRANGERSCLUSTERIDQAA', async () => {
    const sentence = await refusal();
    expect(sentence).toContain(`${join(dir, 'node-2', 'data')} belongs to `);
    expect(sentence).toContain('cluster ASTRANGERSCLUSTERIDQAA, ');
    expect(states()).toEqual(['stopped', 'stopped']);
  });
});

test('a controller with the data of another cluster', async () => {
  await changed(metaOf(1), /cluster\.id=.+/, 'cluster.id=ASTRANGERSCLUSTERIDQAA', async () => {
    expect(await refusal()).toMatch(
      /belongs to cluster .{22}, but .* ASTRANGERSCLUSTERIDQAA; .* another one in log\.dirs$/,
    );
    expect(states()).toEqual(['stopped', 'stopped']);
  });
});

test('a cluster folder of a newer format', async () => {
  await changed(clusterFile, /"format": 1/, '"format": 99', async () => {
    expect(await refusal()).toContain(
      `${dir} was written by a newer Millrace (format 99; this version knows 1)`,
    );
  });
  expect(states()).toEqual(['stopped', 'stopped']);
});

test('a data folder of a newer format', async () => {
  await changed(metaOf(2), /version=1/, 'version=99', async () => {
    expect(await refusal()).toContain('the format version is 99, this Millrace knows versions up to 1');
  });
  expect(states()).toEqual(['stopped', 'stopped']);
});

test('a folder with other files', async () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-thesis-'));
  writeFileSync(join(home, 'thesis.txt'), 'mine');
  const command = millrace(['cluster', 'start', '--foreground', '--dir', home]);
  expect(await command.exit()).toBe(1);
  expect(command.output()).toBe(
    `millrace: ${home} contains files that are not a Millrace cluster; give an empty or a new folder with --dir\n`,
  );
  rmSync(home, { recursive: true });
});

test('too little free space for a new folder: the start fails, and the next start works, because the folder does not keep the refused setting', async () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-too-little-'));
  const shape = ['--controllers', '1', '--brokers', '1', '--port', String(await freePort())];
  const start = ['cluster', 'start', '--dir', home, '--foreground', ...shape];
  const refused = millrace([...start, '--set', `min.free.bytes=${Number.MAX_SAFE_INTEGER}`]);
  expect(await refused.exit(), refused.output()).toBe(1);
  expect(refused.output()).toContain('too little disk: ');

  const command = millrace(start);
  await command.said('The data is in');
  const properties = readFileSync(join(home, 'node-2', 'node.properties'), 'utf8');
  expect(properties).not.toContain('min.free.bytes');
  command.child.kill('SIGINT');
  expect(await command.exit(), command.output()).toBe(0);
  rmSync(home, { recursive: true, force: true });
});
