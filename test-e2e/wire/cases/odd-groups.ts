/** Beginnings of odd group ids. Each case appends the id of its own group. */
export const oddGroups: readonly { readonly name: string; readonly text: string }[] = [
  ...['/', '.', ' ', '\n', '#', 'ünïcode ', '\u{1f680}'].map((text) => ({
    name: JSON.stringify(text),
    text,
  })),
  { name: 'of 20,000 characters', text: 'x'.repeat(20_000) },
];
