export { freePort, listenAgain } from './free-port.ts';
export { jsonOfChild } from './json-of-child.ts';
