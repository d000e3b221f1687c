/** Goal: `Input` keeps an error of its stream, and treats no other event as such an error. */
import { expect, test } from 'vitest';
import { Input } from '../../src/produce/input.ts';

function failure(code: string): Error {
  return Object.assign(new Error('failed'), { code });
}

async function* stream(error?: Error): AsyncGenerator<Buffer> {
  yield Buffer.from('a');
  if (error !== undefined) throw error;
}

async function read(input: Input): Promise<string[]> {
  const seen: string[] = [];
  for await (const piece of input) seen.push(String(piece));
  return seen;
}

test('an input is read to its end', async () => {
  const input = new Input(stream());
  expect([await read(input), input.error, input.isAtEnd]).toEqual([['a'], undefined, true]);
});

test('the input fails: the pieces before the error are still read', async () => {
  const input = new Input(stream(failure('EIO')));
  expect([await read(input), input.error, input.isAtEnd]).toEqual([['a'], 'EIO', false]);
});

test('a signal destroys the input: that is no error', async () => {
  const input = new Input(stream(failure('ERR_STREAM_PREMATURE_CLOSE')));
  expect([await read(input), input.error, input.isAtEnd]).toEqual([['a'], undefined, false]);
});

test('an error in the loop of the caller is not an error of the input', async () => {
  const input = new Input(stream());
  const taking = async () => {
    for await (const _piece of input) throw failure('ERR_BUFFER_TOO_LARGE');
  };
  await expect(taking()).rejects.toThrow('failed');
  expect([input.error, input.isAtEnd]).toEqual([undefined, false]);
});
