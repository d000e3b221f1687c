/** Goal: the tables behind compare:wire are complete, and the committed page matches them. */
import { readFileSync } from 'node:fs';
import { type AnyApi, apis } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { casesByApi } from './cases/index.ts';
import { allVersions } from './compare.ts';
import { casesOf } from './frames.ts';
import { documentPath, generateDocument } from './generate-docs.ts';
import type { World } from './world.ts';

const world: World = {
  bootstrap: 'localhost:9092',
  prefix: 'wire-test',
  full: 'wire-test-full',
  sink: 'wire-test-sink',
  compacted: 'wire-test-compacted',
  empty: 'wire-test-empty',
  trimmed: 'wire-test-trimmed',
  spare: (purpose, version) => `wire-test-${purpose}-${version}`,
  brokerId: 2,
  controllerId: 1,
  clusterId: 'QUJDREVGR0hJSktMTU5PUA',
  logger: 'replica',
  idOf: new Map(),
};

test('docs/protocol.md is current (else: node test-e2e/wire/generate-docs.ts)', () => {
  expect(readFileSync(documentPath, 'utf8')).toBe(generateDocument());
});

describe.each(Object.entries(apis) as [keyof typeof apis, AnyApi][])('%s', (key, api) => {
  test.each(allVersions(api))(
    'v%i has cases: a valid one that decodes, stray bytes, cuts, and each field mutated',
    (version) => {
      const cases = casesOf(api, version, casesByApi[key], world);
      const names = cases.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names).toContain('sound');
      expect(names).toContain('bytes behind the body');
      expect(names.some((name) => name.startsWith('cut to'))).toBe(true);
      for (const [field, { versions }] of Object.entries(api.requestFields)) {
        if (version < versions.min || version > versions.max) continue;
        expect(
          names.filter(
            (name) => name.includes(`${field}=`) || name.includes(`${field}.`) || name.includes(`${field}[`),
          ),
        ).not.toEqual([]);
      }
      const sound = cases
        .find(({ name }) => name === 'sound')!
        .frame({})
        .subarray(4);
      const header = 8 + 2 + 'compare-wire'.length + (version >= api.flexibleFrom ? 1 : 0);
      expect(() => api.decodeRequest(version, sound, header)).not.toThrow();
    },
  );
});
