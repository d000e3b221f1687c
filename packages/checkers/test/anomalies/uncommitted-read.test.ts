import { describe } from 'vitest';
import { uncommittedRead } from '../../src/anomalies/uncommitted-read.ts';
import { itFires, poll } from '../support/histories.ts';

describe('uncommitted-read', () => {
  const read = (highWatermark: number | undefined) => poll(0, [[0, 'a']], { highWatermark });
  itFires(uncommittedRead, [[read(0)]], [[read(1)]], /given 0 of t-0 with the high watermark 0 by broker 4/);
  itFires(uncommittedRead, [[read(0)]], [[read(undefined)]], /with the high watermark/);
});
