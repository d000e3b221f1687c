/** Millrace as a library: a whole cluster inside this process, for tests. */
export { startCluster } from '@millrace/node';
