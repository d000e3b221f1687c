export { freePort, listenAgain } from './free-port.ts';
