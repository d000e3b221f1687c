export * from './addresses.ts';
export * from './connection/broker-connection.ts';
export * from './connection/connection.ts';
export * from './connection/versions.ts';
