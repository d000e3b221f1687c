export * from './compression.ts';
export * from './unfold.ts';
