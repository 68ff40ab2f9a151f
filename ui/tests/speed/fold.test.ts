/** The stream brings some 300 events a second; a fold of one must cost next to nothing. */
import { expect, test } from 'vitest';
import { planOf } from '../../src/host/fake/sandbox/plans';
import { Draft } from '../../src/state/draft.svelte';
import type { Event } from '../../src/protocol/Event';
import type { Snapshot } from '../../src/protocol/Snapshot';
import { foldSnapshot } from '../../src/state/run.svelte';

test('a minute of 300 events a second folds in less than half a second', () => {
  const at = '2026-11-20T10:00:00Z';
  const steps = planOf('up');
  let seq = 0;
  const event = (kind: Event['kind']): Event => ({ seq: (seq += 1), at, run: 'R', kind });
  let snapshot: Snapshot = {
    seq: 0,
    config: new Draft('demo').config,
    state: 'new',
    run: null,
    services: [],
    links: [],
    orders_per_minute: 20,
    throughput: [],
  };
  const batch = (size: number): Event[] =>
    Array.from({ length: size }, (_, index) => {
      const step = steps[index % steps.length]?.id ?? '';
      return event({ type: 'progress', step, done: index, total: 100, unit: 'rows', message: 'Writing' });
    });
  const opening = [event({ type: 'run_started', operation: 'up', steps })];
  for (const { id } of steps) opening.push(event({ type: 'step_started', step: id }));
  snapshot = foldSnapshot(snapshot, opening).snapshot;

  const began = performance.now();
  for (let round = 0; round < 60 * 20; round += 1) snapshot = foldSnapshot(snapshot, batch(15)).snapshot;
  const took = performance.now() - began;
  process.stdout.write(`18,000 events folded in ${took.toFixed(0)} ms\n`);
  expect(snapshot.run?.steps[0]?.progress?.done).toBe(8);
  expect(took).toBeLessThan(500);
});
