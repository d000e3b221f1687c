/** The configuration of a node for tests: the table's defaults, and the properties that the test gives. */
import { loadConfig, type NodeConfig } from '../../src/config/index.ts';

export function nodeConfig(properties: Readonly<Record<string, string>> = {}): NodeConfig {
  return loadConfig({
    overrides: {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': '1@127.0.0.1:9093',
      listeners: 'CONTROLLER://127.0.0.1:9093,PLAINTEXT://127.0.0.1:0',
      'log.dirs': '/data',
      ...properties,
    },
  });
}
