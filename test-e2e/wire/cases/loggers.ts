/**
 * IncrementalAlterConfigs of loggers. The only logger with the same name on both sides is `root`. Two cases
 * really change levels. The cases of DescribeConfigs run before, so no answer shows these changes.
 */
import type { Struct } from '../raw.ts';
import type { World } from '../world.ts';
import type { SpecialCase } from './api-cases.ts';

const TOPIC = 2;
const LOGGER = 8;
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];

const named = (name: string, value: (world: World) => Struct): SpecialCase => ({ name, value });

type LoggerChange = readonly [name: string, operation: number, value: string | null];

/** Changes of loggers that both sides judge alike. `{logger}` stands for a logger other than `root`. */
const loggerChanges: readonly (readonly LoggerChange[])[] = [
  ...['FATAL', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE', 'OFF', 'ALL', 'debug', '', ' INFO', null].map(
    (level): LoggerChange[] => [['root', SET, level]],
  ),
  [['{logger}', SET, 'DEBUG']],
  [['{logger}', SET, 'LOUD']],
  [['{logger}', DELETE, null]],
  [['{logger}', DELETE, 'INFO']],
  [['{logger}', APPEND, 'INFO']],
  [['{logger}', SUBTRACT, 'INFO']],
  [['{logger}', 4, 'INFO']],
  [['{logger}', -1, 'INFO']],
  [['root', DELETE, null]],
  [['root', APPEND, null]],
  [['wire', SET, 'INFO']],
  [['wire', SET, null]],
  [['wire', DELETE, null]],
  [['wire', APPEND, 'INFO']],
  [['', SET, 'INFO']],
  [
    ['{logger}', SET, 'DEBUG'],
    ['wire', SET, 'DEBUG'],
  ],
  [
    ['root', SET, 'DEBUG'],
    ['root', SET, 'DEBUG'],
  ],
  [],
];

function ofLoggers(
  { logger, brokerId }: World,
  changes: readonly LoggerChange[],
  { resourceName = String(brokerId), validateOnly = true } = {},
): { resources: readonly Struct[]; validateOnly: boolean } {
  const configs = changes.map(([name, configOperation, value]) => ({
    name: name.replace('{logger}', logger),
    configOperation,
    value,
  }));
  return { resources: [{ resourceType: LOGGER, resourceName, configs }], validateOnly };
}

const loggerNames = ['77', 'x', '', '0', '-1', '99999999999', ' 1', '1.0'];

export const loggerCases: readonly SpecialCase[] = [
  ...loggerChanges.map((changes) =>
    named(`loggers: ${JSON.stringify(changes)}`, (world) => ofLoggers(world, changes)),
  ),
  ...loggerNames.map((resourceName) =>
    named(`loggers of broker '${resourceName}'`, (world) =>
      ofLoggers(world, [['root', SET, 'INFO']], { resourceName }),
    ),
  ),
  named('loggers twice', (world) => {
    const one = ofLoggers(world, [['root', SET, 'INFO']]);
    return { ...one, resources: [...one.resources, ...one.resources] };
  }),
  named('loggers, and a topic', (world) => {
    const configs = [{ name: 'retention.ms', configOperation: SET, value: '100000' }];
    const topic = { resourceType: TOPIC, resourceName: world.full, configs };
    const { resources } = ofLoggers(world, [['root', SET, 'INFO']]);
    return { resources: [topic, resources[0]!], validateOnly: true };
  }),
  named('levels set', (world) =>
    ofLoggers(
      world,
      [
        ['root', SET, 'ERROR'],
        ['{logger}', SET, 'WARN'],
      ],
      { validateOnly: false },
    ),
  ),
  named('a level unset', (world) => ofLoggers(world, [['{logger}', DELETE, null]], { validateOnly: false })),
];

/** AlterConfigs knows no loggers. */
export const legacyLoggerCase: SpecialCase = named('loggers', ({ brokerId }) => {
  const configs = [{ name: 'root', value: 'INFO' }];
  const resources = [{ resourceType: LOGGER, resourceName: String(brokerId), configs }];
  return { resources, validateOnly: true };
});
