export * from './clock.ts';
export * from './net.ts';
