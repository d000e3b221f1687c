export * from './history/reader.ts';
export * from './history/writer.ts';
export * from './links/proxy-links.ts';
export * from './target/target.ts';
export * from './types.ts';
