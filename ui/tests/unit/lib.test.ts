import { describe, expect, test } from 'vitest';
import { layout } from '../../src/lib/dag';
import { consequenceOf, criticalPath, learnFrom, secondsLeft } from '../../src/lib/estimate';
import * as format from '../../src/lib/format';
import { lag } from '../../src/lib/lag';
import { niceTicks, spread } from '../../src/lib/scale';
import * as scroll from '../../src/lib/scroll';
import { planOf as planInAws } from '../../src/host/fake/aws/plans';
import { planOf } from '../../src/host/fake/sandbox/plans';
import { DEFAULT_AWS } from '../../src/state/draft.svelte';
import type { RunState } from '../../src/protocol/RunState';
import type { StepState } from '../../src/protocol/StepState';

describe('lag', () => {
  const now = Date.parse('2026-11-23T10:00:00Z');
  const at = (ago: number) => new Date(now - ago * 1000).toISOString();
  /** Ten ticks, one each second, of so many seconds each, the last of which ends so many seconds ago. */
  const ticks = (seconds: number, behind: number) =>
    Array.from({ length: 10 }, (_, index) => ({
      tick: index,
      at: at(9 - index),
      until: at(behind + (9 - index) * seconds) as string | null,
      orders: 0,
      rows: 0,
      status_changes: 0,
      generate_ms: 0,
      write_ms: 0,
    }));

  test.each([
    ['keeps up', ticks(2, 60), 0, null],
    ['gains a second each second', ticks(2, 3600), 0, { behind: 3_600_000, toGo: 3_600_000 }],
    ['stays behind', ticks(1, 3600), 0, { behind: 3_600_000, toGo: null }],
    ['stopped an hour ago', ticks(2, 3600), 3_600_000, { behind: 7_200_000, toGo: null }],
    ['is known by its metrics alone', ticks(2, 3600).map((tick) => ({ ...tick, until: null })), 0, null],
    ['has written nothing', [], 0, null],
  ])('of a shop that %s', (_, written, later, expected) =>
    expect(lag(written, now + later)).toEqual(expected),
  );
});

describe('format', () => {
  test.each([
    [412, '0.4 s'],
    [9_960, '10 s'],
    [65_000, '1 m 05 s'],
    [7_380_000, '2 h 03 m'],
    [273_600_000, '3 d 4 h'],
    [-5, '0.0 s'],
  ])('a span of %d ms reads %s', (ms, text) => expect(format.duration(ms)).toBe(text));

  test('money keeps every cent', () => {
    expect(format.money(123_456_789_01)).toBe('$123,456,789.01');
    expect(format.moneyShort(9_110_000_000)).toBe('$91.1M');
    expect(format.moneyShort(-150_00)).toBe('−$150');
  });

  test.each([
    ['runs and is healthy', 'Runs and is healthy'],
    ['quiet', 'Quiet'],
    ['quiet; nothing was measured yet', 'Quiet; nothing was measured yet'],
    ['i-0a1b2c, t3.large: runs', 'i-0a1b2c, t3.large: runs'],
    ['rate(3 minutes); 256 MB', 'rate(3 minutes); 256 MB'],
    ['t3.large in eu-central-1a', 't3.large in eu-central-1a'],
    ['vCPUs: 8 needed', 'vCPUs: 8 needed'],
    ['', ''],
  ])('the sentence “%s” begins as it should', (text, shown) => expect(format.sentence(text)).toBe(shown));

  test('parts of nothing are not a number of per cent', () => {
    expect(format.percent(0, 0)).toBe('–');
    expect(format.percent(1, 8)).toBe('12.5 %');
  });

  test.each([
    [999, '999 B'],
    [2_100_000_000, '2.1 GB'],
    [37_400_000, '37 MB'],
  ])('%d bytes read %s', (bytes, text) => expect(format.bytes(bytes)).toBe(text));

  test('counts agree with their noun', () => {
    expect(format.counted(1, 'order')).toBe('1 order');
    expect(format.counted(1234, 'order')).toBe('1,234 orders');
  });
});

describe('axes', () => {
  test.each([0.3, 1, 5, 7, 99, 4_030_000, 1e9])('ticks up to %d begin at 0, cover it and are few', (most) => {
    const ticks = niceTicks(most);
    expect(ticks[0]).toBe(0);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(most * (1 - 1e-9));
    expect(ticks.at(-1)).toBeLessThanOrEqual(most * 2);
    expect(ticks.length).toBeLessThanOrEqual(6);
  });
  test('nothing has an axis too', () => expect(niceTicks(0)).toEqual([0, 1]));
  test('labels include both ends', () => {
    expect(spread(31, 4)).toEqual([0, 10, 20, 30]);
    expect(spread(2, 5)).toEqual([0, 1]);
  });
});

describe('scrolling', () => {
  test.each([100, 399_999, 400_001, 5_000_000])(
    '%d lines: every line can be shown, and its place is found again',
    (total) => {
      const extent = { total, view: 400 };
      expect(scroll.space(extent)).toBeLessThanOrEqual(scroll.MAX_SPACE);
      for (const part of [0, 0.1234, 0.5, 1]) {
        const top = part * scroll.lastTop(extent);
        expect(scroll.topAt(scroll.scrollTopOf(top, extent), extent)).toBeCloseTo(top, 3);
      }
    },
  );
  test('a log shorter than the view does not scroll', () => {
    expect(scroll.clampTop(5, { total: 3, view: 400 })).toBe(0);
  });
});

describe('the plan’s picture', () => {
  const measures = {
    width: 480,
    room: 900,
    nodeHeight: 52,
    gap: [24, 56] as [number, number],
    maxNodeWidth: 230,
    minNodeWidth: 136,
  };
  const plan = planOf('up');
  const placed = layout(plan, measures);
  const at = new Map(placed.nodes.map((node) => [node.id, node]));

  test.each([
    ['a sandbox', plan],
    ['AWS, with edges past a full row', planInAws('up', DEFAULT_AWS)],
  ])('shows every step of %s inside its room, no two upon each other', (_, plan) => {
    const placed = layout(plan, measures);
    expect(placed.nodes).toHaveLength(plan.length);
    for (const a of placed.nodes) {
      expect(a.x).toBeGreaterThanOrEqual(-0.5);
      expect(a.x + placed.nodeWidth).toBeLessThanOrEqual(measures.width + 0.5);
      for (const b of placed.nodes) {
        if (a !== b && a.y === b.y) expect(Math.abs(a.x - b.x)).toBeGreaterThanOrEqual(placed.nodeWidth);
      }
    }
  });
  test('puts each step below those it waits for', () => {
    for (const step of plan)
      for (const need of step.needs) expect(at.get(need)?.y).toBeLessThan(at.get(step.id)?.y ?? 0);
  });
  test('a row without room for all its steps passes some on to the next', () => {
    const step = (id: string, needs: string[]) => ({ id, title: id, summary: '', needs });
    const beside = ['a', 'b', 'c', 'd', 'e'];
    const placed = layout([...beside.map((id) => step(id, [])), step('end', beside)], measures);
    expect(placed.nodeWidth).toBeGreaterThanOrEqual(measures.minNodeWidth);
    const heights = [...new Set(placed.nodes.map(({ y }) => y))];
    const rows = heights.map((height) => placed.nodes.filter(({ y }) => y === height).map(({ id }) => id));
    expect(rows.map((row) => row.sort().join())).toEqual(['a,b,c', 'd,e', 'end']);
  });
  test('leaves out what other edges imply', () => {
    const steps = ['a', 'b', 'c'].map((id, index, all) => ({
      id,
      title: id,
      summary: '',
      needs: all.slice(0, index),
    }));
    expect(layout(steps, measures).edges.map(({ from, to }) => `${from}${to}`)).toEqual(['ab', 'bc']);
  });
  test('an empty plan has an empty picture', () => {
    expect(layout([], measures).nodes).toEqual([]);
  });
});

describe('estimates', () => {
  const step = (id: string, needs: string[], change: Partial<StepState>): StepState => ({
    plan: { id, title: id, summary: '', needs },
    status: 'waiting',
    started_at: null,
    finished_at: null,
    progress: null,
    outcome: null,
    ...change,
  });
  const began = '2026-11-20T10:00:00Z';
  const now = Date.parse(began) + 10_000;
  const run = (steps: StepState[]): RunState => ({
    run: 'R',
    operation: 'up',
    steps,
    cancel_requested: false,
    resources: [],
    diagnostics: [],
    started_at: began,
    finished_at: null,
    outcome: null,
  });
  const half = { done: 1, total: 4, unit: 'rows', message: '' };

  test('a running step goes by its progress, those after it by what was learned', () => {
    const steps = [
      step('a', [], { status: 'running', started_at: began, progress: half }),
      step('b', ['a'], {}),
    ];
    expect(secondsLeft(run(steps), { b: 7 }, now)).toBe(37);
  });
  test('the longest chain counts', () => {
    const steps = [step('a', [], {}), step('b', [], {}), step('c', ['a', 'b'], {})];
    expect(secondsLeft(run(steps), { a: 1, b: 5, c: 2 }, now)).toBe(7);
  });
  test('the critical path is the longest chain by time, not by steps', () => {
    const steps = [
      step('a', [], {}),
      step('b', ['a'], {}),
      step('c', ['b'], {}),
      step('long', ['a'], {}),
      step('end', ['c', 'long'], {}),
    ];
    const learned = { a: 1, b: 2, c: 2, long: 9, end: 1 };
    expect(criticalPath(steps, learned, now)).toEqual(['a', 'long', 'end']);
    const slow = steps.with(1, step('b', ['a'], { status: 'running', started_at: began }));
    expect(criticalPath(slow, { ...learned, long: 3 }, now)).toEqual(['a', 'b', 'c', 'end']);
  });
  test('without any experience every step counts alike', () => {
    const steps = [step('a', [], {}), step('b', [], {}), step('c', ['b'], {})];
    expect(criticalPath(steps, {}, now)).toEqual(['b', 'c']);
    expect(criticalPath([], {}, now)).toEqual([]);
  });
  test('nothing is promised while a step is unknown', () => {
    expect(secondsLeft(run([step('a', [], {})]), {}, now)).toBeNull();
  });
  test('only steps that did their work teach', () => {
    const done = step('a', [], { status: 'done', started_at: began, finished_at: '2026-11-20T10:00:04Z' });
    const skipped = step('b', [], { status: 'already_done', started_at: began, finished_at: began });
    expect(learnFrom(run([done, skipped]))).toEqual({ a: 4 });
  });
  test('no history means no rows', () => {
    const none = { seed: 1, backfill_days: 0, orders_per_minute: 20 };
    expect(consequenceOf(none)).toMatchObject({ orders: 0, rows: 0 });
    expect(consequenceOf({ ...none, backfill_days: 30 }).orders).toBe(864_000);
  });
});
