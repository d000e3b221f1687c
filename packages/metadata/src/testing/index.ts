export * from './damaged-image.ts';
