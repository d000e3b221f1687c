/** The version is written once, in the manifest of the package that is published. */
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { KafkaClient } from '@millrace/client/io';
import { apis, decodeRequestHeader, encodeResponseFrame, FrameReader } from '@millrace/protocol';
import { expect, test, vi } from 'vitest';
import { clientOptions } from '../src/client-options.ts';
import { runCommandLine } from '../src/command-line.ts';

const root = join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const versionIn = (manifest: string) => (JSON.parse(read(manifest)) as { version?: string }).version;
const version = versionIn('packages/cli/package.json');

test('millrace --version prints the version', async () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  expect(await runCommandLine(['--version'])).toBe(0);
  expect(write.mock.calls.join('')).toBe(`${version}\n`);
  write.mockRestore();
});

test('the command line sends the version to brokers', async () => {
  const sent: unknown[] = [];
  const server = createServer((socket) => {
    const frames = new FrameReader(1 << 20);
    socket.on('data', (chunk) => {
      frames.push(chunk);
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
        const { apiVersion, correlationId, bodyPosition } = decodeRequestHeader(frame);
        sent.push(apis.apiVersions.decodeRequest(apiVersion, frame, bodyPosition));
        const answer = encodeResponseFrame(apis.apiVersions, apiVersion, correlationId, { apiKeys: [] });
        socket.write(Buffer.concat(answer));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = await KafkaClient.connect(`127.0.0.1:${port}`, clientOptions);
  client.close();
  server.close();
  expect(sent).toMatchObject([{ clientSoftwareName: 'millrace-cli', clientSoftwareVersion: version }]);
});

test('no other manifest has a version, and the changelog begins with the version of the command line', () => {
  const members = globSync('{packages,examples}/*/package.json', { cwd: root });
  const manifests = ['package.json', 'test-e2e/package.json', ...members];
  expect(manifests.filter((manifest) => versionIn(manifest) !== undefined)).toEqual([
    'packages/cli/package.json',
  ]);
  expect(/^## (\S+)/m.exec(read('CHANGELOG.md'))?.[1]).toBe(version);
});
