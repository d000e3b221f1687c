/**
 * Goal: the prober finds wrong error codes, and wrong contents of answers with the right code. Method: a
 * healthy cluster; some tests replace the request or the answer of a probe.
 */
import { ErrorCode } from '@millrace/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Probe, Prober, probes } from '../../src/clients/index.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

afterEach(() => vi.restoreAllMocks());

describe('wrong-error', () => {
  const probe = (name: string): Probe => probes.find((one) => one.name === name)!;

  /**
   * Makes the probe `name` send the request of the probe `other`. The probe still expects the answer to its
   * own request.
   */
  function askInstead(name: string, other: string): void {
    const { ask } = probe(other);
    vi.spyOn(probe(name), 'ask').mockImplementation(ask);
  }

  /** Runs the prober against a working cluster. Returns the violation and the number of probes until then. */
  function probing({ isHarmed = false } = {}) {
    const small = new SmallCluster([]);
    const { world } = small;
    const prober = new Prober(small.machine('x1'), {
      topic: 'probe-1',
      replicationFactor: 3,
      configs: { 'segment.bytes': '1048576' },
      paceMs: 5,
      requestTimeoutMs: 2_000,
      isHarmed: () => isHarmed,
    });
    const isAsked = ({ name }: Probe) => world.counts.has(`probe ${name}`);
    const found = violationOf(() => {
      prober.start();
      small.until(() => probes.every(isAsked) && prober.isIdle);
    });
    return { found, asked: probes.filter(isAsked).length };
  }

  it('accepts a cluster that works', () => {
    expect(probing()).toEqual({ found: undefined, asked: probes.length });
  });

  it("sees a code that differs from Kafka's", () => {
    askInstead('create-topic-that-exists', 'list-offsets-latest');
    expect(probing().found).toBe(
      'wrong-error: create-topic-that-exists was answered NONE, and not TOPIC_ALREADY_EXISTS',
    );
  });

  it('sees a wrong answer with the right code', () => {
    vi.spyOn(probe('producer-repeat'), 'ask').mockImplementation(({ wrong }, answered) => {
      wrong('planted');
      answered(ErrorCode.NONE);
    });
    expect(probing().found).toBe('wrong-error: x1: planted');
    expect(probing({ isHarmed: true }).found).toBeUndefined();
  });

  it('accepts answers that faults may cause, accepts a missing answer, and accepts any answer to a probe that relies on harmed records', () => {
    const repeat = probe('producer-repeat');
    const answers = (code: ErrorCode | undefined) =>
      vi.spyOn(repeat, 'ask').mockImplementation((_tools, answered) => answered(code));
    for (const code of [...repeat.troubles, undefined]) {
      answers(code);
      expect(probing().found).toBeUndefined();
    }
    answers(ErrorCode.UNKNOWN_PRODUCER_ID);
    expect(probing().found).toMatch(/^wrong-error: producer-repeat was answered UNKNOWN_PRODUCER_ID/);
    expect(probing({ isHarmed: true }).found).toBeUndefined();
  });
});
