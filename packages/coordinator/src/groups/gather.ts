import type { Reply } from './requests.ts';

/**
 * Calls `ask` for each key. When the last answer has arrived, calls `reply` with all answers, in the order of
 * the keys.
 */
export function gather<Key, Answer>(
  keys: readonly Key[],
  ask: (key: Key, done: Reply<Answer>) => void,
  reply: Reply<readonly Answer[]>,
): void {
  const answers: Answer[] = [];
  let open = keys.length;
  if (open === 0) reply(answers);
  keys.forEach((key, index) => {
    ask(key, (answer) => {
      answers[index] = answer;
      if (--open === 0) reply(answers);
    });
  });
}
