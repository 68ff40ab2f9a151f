import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Event } from '../../src/protocol/Event';
import { apply, begin, replay } from '../../src/state/fold';

const JOURNALS = new URL('../../../crates/protocol/tests/journals/', import.meta.url);
const names = readdirSync(JOURNALS).filter((name) => name.endsWith('.jsonl'));

function read(name: string): Event[] {
  const lines = readFileSync(new URL(name, JOURNALS), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Event);
}

test('there are journals of every way a run can end', () => {
  expect(names.length).toBeGreaterThanOrEqual(6);
});

test.each(names)('%s folds to the state beside it', (name) => {
  const expected: unknown = JSON.parse(
    readFileSync(new URL(name.replace('.jsonl', '.state.json'), JOURNALS), 'utf8'),
  );
  expect(replay(read(name))).toEqual(expected);
});

test('a journal without a beginning folds to nothing', () => {
  expect(replay(read('up-succeeded.jsonl').slice(1))).toBeNull();
});

test('what an event does not concern keeps its identity', () => {
  const [first, second] = read('up-succeeded.jsonl') as [Event, Event];
  const before = begin(first);
  if (!before) throw new Error('no beginning');
  const after = apply(before, second);
  expect(after.steps[0]).not.toBe(before.steps[0]);
  expect(after.steps.slice(1)).toEqual(before.steps.slice(1));
  after.steps.slice(1).forEach((step, index) => expect(step).toBe(before.steps[index + 1]));
  expect(apply(after, { ...second, run: 'another' })).toBe(after);
});
