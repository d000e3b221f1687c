/**
 * Where Millrace answers other than Apache Kafka, and why it should: the only list of that. docs/protocol.md is
 * generated from it. `npm run compare:wire` fails on a difference that no entry covers.
 */
export interface Justification {
  /** Kafka's name of the API; undefined: of any. */
  readonly api?: string;
  /** '4-12', both inclusive. */
  readonly versions?: `${number}-${number}`;
  /** Which cases, by name. */
  readonly cases?: RegExp;
  /** Which fields of the answer, without what names elements: `topics.partitions.errorCode`. Empty: the whole answer. */
  readonly field: RegExp;
  readonly ours?: RegExp;
  readonly peer?: RegExp;
  /** A sentence on what Millrace does, what Apache Kafka does, and why that stays. */
  readonly reason: string;
}

export const justifications: readonly Justification[] = [
  {
    api: 'ApiVersions',
    field: /^apiKeys$/,
    ours: /^absent$/,
    reason: 'Millrace tells only of the APIs that it has.',
  },
  {
    api: 'ApiVersions',
    field: /^apiKeys.maxVersion$/,
    reason: 'x',
  },
  {
    api: 'ApiVersions',
    field: /^(supportedFeatures|finalizedFeatures|finalizedFeaturesEpoch)$/,
    reason: 'Millrace has no features (KIP-584) yet: it tells of none.',
  },
];
