import { applyRecords, MetadataImage } from '@millrace/metadata';
import { expect, test } from 'vitest';
import { cleanerThreadsProblem } from '../src/cleaner-threads.ts';

const NAME = 'log.cleaner.threads';

function imageWith(configs: Record<string, string>): MetadataImage {
  const records = Object.entries(configs).map(
    ([resourceName, value]) =>
      ({ type: 'config', resourceType: 'broker', resourceName, name: NAME, value }) as const,
  );
  return applyRecords(MetadataImage.EMPTY, { epoch: 1, baseOffset: 0, records }).image;
}

test.each([
  // The value of the node's configuration, of all brokers, of broker 1; the wanted value; the allowed ones.
  [undefined, undefined, undefined, '2', undefined],
  [undefined, undefined, undefined, '3', /from 0 to 2, because it is 1 now/],
  [undefined, undefined, undefined, '0', /at least 1/],
  ['6', undefined, undefined, '3', undefined],
  ['6', undefined, undefined, '12', undefined],
  ['6', undefined, undefined, '2', /from 3 to 12/],
  ['6', '2', undefined, '4', undefined],
  ['6', '2', undefined, '5', /from 1 to 4/],
  ['6', '2', '8', '16', undefined],
  ['6', '2', '8', '3', /from 4 to 16/],
  ['6', '2', '8', undefined, undefined],
])('own %s, all %s, broker %s: %s', (own, all, broker, wanted, problem) => {
  const image = imageWith({
    ...(all === undefined ? {} : { '': all }),
    ...(broker === undefined ? {} : { '1': broker }),
  });
  const serverProperties = new Map(own === undefined ? [] : [[NAME, own]]);
  const next = new Map(wanted === undefined ? [] : [[NAME, wanted]]);
  const found = cleanerThreadsProblem(image, { serverProperties }, '1', next);
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toMatch(problem);
});
