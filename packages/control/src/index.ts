export * from './messages.ts';
export * from './methods.ts';
