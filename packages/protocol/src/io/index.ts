export * from './compression.ts';
