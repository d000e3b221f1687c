import { describe, expect, it } from 'vitest';
import { positionLost } from '../../src/anomalies/position-lost.ts';
import { assign, finalLog, itFires, judge, NEW, OLD, poll } from '../support/histories.ts';

describe('position-lost', () => {
  itFires(positionLost, [[assign(3, 'out-of-range')]], [[assign(3, 'latest')]], /out-of-range.* at 3/);
  itFires(positionLost, [[assign(3, 'truncated')]], [[assign(0, 'earliest')]], /truncated/);

  it('lets a consumer whose position is below the log start continue at the log start or below', () => {
    const logs = [{ ...finalLog([]), startOffset: 9 }];
    const lost = (position: number, at: number) => [assign(position), assign(at, 'out-of-range')];
    expect(judge(positionLost, lost(3, 9), { logs })).toBeUndefined();
    expect(judge(positionLost, lost(3, 5), { logs })).toBeUndefined();
    expect(judge(positionLost, lost(3, 10), { logs })).toMatch(/^position-lost: .* at 10/);
    expect(judge(positionLost, lost(7, 7), { logs })).toMatch(/^position-lost: /);
    expect(judge(positionLost, lost(9, 3), { logs })).toMatch(/^position-lost: /);
    expect(judge(positionLost, [poll(3, [[3, 'a']]), assign(4, 'out-of-range')], { logs })).toMatch(
      /^position/,
    );
    expect(judge(positionLost, [assign(3), assign(9, 'truncated')], { logs })).toMatch(/^position-lost: /);
  });

  it('accepts that a consumer gives up its position in another topic of the name', () => {
    const lost = assign(0, 'out-of-range', NEW);
    expect(judge(positionLost, [assign(9, 'latest', OLD), lost])).toBeUndefined();
    expect(judge(positionLost, [poll(9, [[9, 'a']], { topicId: OLD }), lost])).toBeUndefined();
    expect(judge(positionLost, [assign(9, 'latest', NEW), lost])).toMatch(/^position-lost: /);
  });
});
