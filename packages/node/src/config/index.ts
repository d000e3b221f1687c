export { formatAddress, type ListenerAddress, type VoterAddress } from './addresses.ts';
export { ConfigError } from './config-error.ts';
export { configFrom, loadConfig, type NodeConfig } from './node-config.ts';
export type { ConfigSources } from './sources.ts';
export { type SettingName, type Settings, settingNames, settingsTable } from './table.ts';
