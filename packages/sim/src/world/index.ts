export * from './crash-signal.ts';
export * from './event-hash.ts';
export * from './host.ts';
export * from './jobs.ts';
export * from './life.ts';
export * from './logger.ts';
export * from './story.ts';
export * from './world.ts';
