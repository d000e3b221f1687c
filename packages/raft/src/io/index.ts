export * from './level-storage.ts';
