import { describe } from 'vitest';
import { positionLost } from '../../src/anomalies/position-lost.ts';
import { assign, itFires } from '../support/histories.ts';

describe('position-lost', () => {
  itFires(positionLost, [[assign(3, 'out-of-range')]], [[assign(3, 'latest')]], /out-of-range.* at 3/);
  itFires(positionLost, [[assign(3, 'truncated')]], [[assign(0, 'earliest')]], /truncated/);
});
