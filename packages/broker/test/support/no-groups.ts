/** A group port for tests without groups: every call fails the test. */
import type { GroupPort } from '../../src/handler.ts';

export function noGroups(): GroupPort {
  const unused = () => {
    throw new Error('this test has no groups');
  };
  return {
    join: unused,
    sync: unused,
    heartbeat: unused,
    leave: unused,
    consumerHeartbeat: unused,
    commit: unused,
    fetch: unused,
    deleteOffsets: unused,
    list: unused,
    describeClassic: unused,
    describe: unused,
    rebalances: unused,
    delete: unused,
  };
}
