export * from './types.ts';
export * from './target/target.ts';
