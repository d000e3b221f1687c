export * from './html.ts';
export * from './model.ts';
export * from './terminal.ts';
