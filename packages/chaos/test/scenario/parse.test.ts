/** Goal: a scenario file with mistakes gets a sentence with the line of each mistake. */
import { expect, test } from 'vitest';
import { parseScenario, ScenarioError } from '../../src/scenario/parse.ts';

const GOOD = `name: mine
sentence: 'Kills leaders.'
topics:
  - name: orders
clients:
  - { role: writer, topic: orders }
faults:
  - { fault: crash, victim: leader }
`;

function mistakesOf(text: string): string[] {
  try {
    parseScenario(text, 'mine.yaml');
  } catch (error) {
    if (error instanceof ScenarioError) return error.message.split('\n');
    throw error;
  }
  return [];
}

test('the schema fills in the defaults', () => {
  expect(parseScenario(GOOD, 'mine.yaml')).toEqual({
    name: 'mine',
    sentence: 'Kills leaders.',
    warmupMs: 3000,
    pauseMs: [2000, 4000],
    topics: [{ name: 'orders', partitions: 3, replicationFactor: 3, config: {} }],
    clients: [
      {
        role: 'writer',
        library: 'millrace',
        topic: 'orders',
        count: 1,
        acks: -1,
        idempotent: true,
        paceMs: 10,
        keys: 0,
        group: 'readers',
        protocol: 'classic',
      },
    ],
    faults: [{ fault: 'crash', victim: 'leader', lastsMs: [3000, 5000] }],
  });
});

test.each([
  [GOOD.replace('crash', 'smash'), /^mine\.yaml:8: fault is "smash"; allowed: crash, pause, /],
  [
    GOOD.replace('topic: orders }', 'topic: clicks }'),
    "mine.yaml:6: there is no topic 'clicks'; the topics are orders",
  ],
  [GOOD.replace('role: writer', 'rule: writer'), "mine.yaml:6: unknown field 'rule'"],
  [GOOD.replace("sentence: 'Kills leaders.'\n", ''), "mine.yaml:1: the field 'sentence' is missing"],
  [GOOD.replace('victim: leader', 'victim: leader, lastsMs: [5, 2]'), /^mine\.yaml:8: lastsMs \[5, 2\]: /],
  [GOOD.replace('topic: orders }', 'topic: orders, acks: 1, idempotent: true }'), /needs acks: all, not 1$/],
  [
    GOOD.replace('victim: leader', 'victim: coordinator'),
    /^mine\.yaml:8: the victim coordinator needs a client/,
  ],
  [
    GOOD.replace('faults:', '  - { role: writer, topic: orders, acks: 1 }\nfaults:'),
    /the writers of topic 'orders' have different acks/,
  ],
  [
    GOOD.replace('- name: orders', '- { name: orders, config: { cleanup.policy: compact } }'),
    'mine.yaml:4: cleanup.policy=compact is not allowed: the checkers would take records that the settings remove for lost',
  ],
  [
    GOOD.replace('- name: orders', '- { name: orders, config: { unclean.leader.election.enable: true } }'),
    /^mine\.yaml:4: unclean\.leader\.election\.enable=true is not allowed: /,
  ],
  [
    GOOD.replace('- name: orders', '- { name: orders, config: { retention.ms: 1000 } }'),
    /retention\.ms=1000 is not/,
  ],
  [GOOD.replace('- name: orders', '- { name: orders'), /^mine\.yaml:\d+: /],
  ['- just a list', 'mine.yaml:1: the file must be object'],
])('a mistake has its line: %#', (text, sentence) => {
  const found = mistakesOf(text);
  expect(found).toContainEqual(typeof sentence === 'string' ? sentence : expect.stringMatching(sentence));
});

test('all mistakes are reported at once', () => {
  const text = GOOD.replace('crash', 'smash').replace('role: writer', 'role: poet');
  expect(mistakesOf(text).map((line) => line.slice(0, 12))).toEqual(['mine.yaml:6:', 'mine.yaml:8:']);
});
