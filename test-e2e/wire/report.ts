/**
 * Writes differences as text. If the same difference occurs in many cases and versions, it has only one
 * entry.
 */
import type { Comparison, Found } from './compare.ts';
import { fieldOf } from './difference.ts';
import { type Justification, justifications } from './justified.ts';

const CASES_SHOWN = 4;

export function reportOf(found: readonly Found[]): string {
  const groups = Map.groupBy(found, ({ api, path, ours, peer }) =>
    [api, fieldOf(path), ours, peer].join('\0'),
  );
  const lines = [...groups.values()].map((group) => {
    const { api, path, ours, peer } = group[0]!;
    const field = path === '' ? 'the answer' : fieldOf(path);
    return `${api} ${field}: ours ${ours}, Apache Kafka ${peer}\n${casesIn(group)}`;
  });
  return lines.sort().join('');
}

function casesIn(group: readonly Found[]): string {
  const byName = [...Map.groupBy(group, ({ name }) => name)];
  const lines = byName.slice(0, CASES_SHOWN).map(([name, same]) => {
    const versions = rangesOf(same.map(({ version }) => version));
    return `    v${versions} ${name} (${same[0]!.path.slice(0, 100)})\n`;
  });
  if (byName.length > CASES_SHOWN) lines.push(`    and ${byName.length - CASES_SHOWN} cases more\n`);
  return lines.join('');
}

/** The justifications that cover no difference. */
export function staleOf({ found }: Comparison): Justification[] {
  const used = new Set(found.map(({ justification }) => justification));
  return justifications.filter((justification) => !used.has(justification));
}

/** Versions as ranges, for example 0-3,7. */
export function rangesOf(versions: readonly number[]): string {
  const sorted = [...new Set(versions)].sort((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (const version of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === version - 1) last[1] = version;
    else ranges.push([version, version]);
  }
  return ranges.map(([min, max]) => (min === max ? `${min}` : `${min}-${max}`)).join(',');
}
