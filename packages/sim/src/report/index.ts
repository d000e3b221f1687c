export * from './story-text.ts';
export * from './summary.ts';
