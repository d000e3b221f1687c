import { describe, expect, it } from 'vitest';
import { positionLost } from '../../src/anomalies/position-lost.ts';
import { assign, itFires, judge, NEW, OLD, poll } from '../support/histories.ts';

describe('position-lost', () => {
  itFires(positionLost, [[assign(3, 'out-of-range')]], [[assign(3, 'latest')]], /out-of-range.* at 3/);
  itFires(positionLost, [[assign(3, 'truncated')]], [[assign(0, 'earliest')]], /truncated/);

  it('accepts that a consumer gives up its position in another topic of the name', () => {
    const lost = assign(0, 'out-of-range', NEW);
    expect(judge(positionLost, [assign(9, 'latest', OLD), lost])).toBeUndefined();
    expect(judge(positionLost, [poll(9, [[9, 'a']], { topicId: OLD }), lost])).toBeUndefined();
    expect(judge(positionLost, [assign(9, 'latest', NEW), lost])).toMatch(/^position-lost: /);
  });
});
