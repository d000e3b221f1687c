export * from './clock.ts';
export * from './disk.ts';
export * from './jobs.ts';
export * from './logger.ts';
export * from './planted.ts';
