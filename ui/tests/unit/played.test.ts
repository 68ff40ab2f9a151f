/** The fake host's runs are the product's: what was recorded is what is played, whatever the order in between. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { planOf as planInAws } from '../../src/host/fake/aws/plans';
import { journal, type FakeStep, type Target } from '../../src/host/fake/played';
import { Player } from '../../src/host/fake/player';
import { planOf } from '../../src/host/fake/sandbox/plans';
import type { Event } from '../../src/protocol/Event';
import type { Operation } from '../../src/protocol/Operation';
import type { RunState } from '../../src/protocol/RunState';
import { DEFAULT_AWS } from '../../src/state/draft.svelte';
import { replay } from '../../src/state/fold';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const here = { ...DEFAULT_AWS, account_id: '123456789012' };
const RUNS: [Target, Operation, FakeStep[]][] = [
  ['sandbox', 'up', planOf('up')],
  ['sandbox', 'refresh', planOf('refresh')],
  ['sandbox', 'down', planOf('down')],
  ['aws', 'plan', planInAws('plan', here)],
  ['aws', 'up', planInAws('up', here)],
  ['aws', 'down', planInAws('down', here)],
];

test.each(RUNS)('a run in %s, %s, is played as it was recorded', (target, operation, plan) => {
  const events: Event[] = [];
  let ended = false;
  new Player(
    operation,
    plan,
    1,
    {
      emit: (kind) => events.push({ seq: events.length, at: new Date().toISOString(), run: 'R', kind }),
      log: () => undefined,
      ended: () => (ended = true),
    },
    null,
  );
  // At speed 1 a run takes six seconds, and as it is looked at by frames a little more.
  vi.advanceTimersByTime(10_000);
  expect(ended).toBe(true);
  expect(whatItDid(replay(events))).toEqual(whatItDid(replay(journal(target, operation))));
});

function whatItDid(state: RunState | null) {
  return {
    outcome: state?.outcome,
    steps: state?.steps.map(({ plan, outcome }) => [plan.id, outcome]),
    resources: state?.resources.map((resource) => JSON.stringify(resource)).sort(),
  };
}
