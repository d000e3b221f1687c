export * from './observer.ts';
export * from './quorum.ts';
export * from './storage.ts';
export * from './types.ts';
