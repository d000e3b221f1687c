export * from './effects.ts';
export * from './messages.ts';
export * from './node.ts';
export * from './observer.ts';
export * from './quorum.ts';
export * from './storage.ts';
export * from './types.ts';
export { decodeVoters, type LeaderChangeRecord, raftMethods, type VotersRecord } from './wire.ts';
