import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Host } from '../../src/host/host';
import type { Event } from '../../src/protocol/Event';
import type { EventKind } from '../../src/protocol/EventKind';
import type { Snapshot } from '../../src/protocol/Snapshot';
import type { Update } from '../../src/protocol/Update';
import { foldSnapshot, MAX_TICKS, RunStore } from '../../src/state/run.svelte';
import { Draft, freeName, problemsOf } from '../../src/state/draft.svelte';
import { pageOf, type Facts } from '../../src/state/page';
import { WizardStore } from '../../src/state/wizard.svelte';

const snapshot = (change: Partial<Snapshot> = {}): Snapshot => ({
  seq: 10,
  config: new Draft('demo').config,
  state: 'up',
  run: null,
  services: [],
  links: [],
  orders_per_minute: 20,
  throughput: [],
  ...change,
});
const event = (seq: number, kind: EventKind, run?: string): Event => ({
  seq,
  at: '2026-11-20T10:00:00Z',
  ...(run ? { run } : {}),
  kind,
});
const started: EventKind = { type: 'run_started', operation: 'refresh', steps: [] };
const ended: EventKind = { type: 'run_finished', outcome: { result: 'succeeded' } };
const tick = (number: number): EventKind => ({
  type: 'throughput',
  sample: {
    tick: number,
    at: '2026-11-20T10:00:00Z',
    until: null,
    orders: 1,
    rows: 4,
    status_changes: 0,
    generate_ms: 1,
    write_ms: 2,
  },
});

describe('a snapshot and the events after it', () => {
  test('events it holds already are not told twice', () => {
    const { snapshot: after } = foldSnapshot(snapshot(), [
      event(9, tick(1)),
      event(10, tick(2)),
      event(11, tick(3)),
    ]);
    expect(after.throughput.map((sample) => sample.tick)).toEqual([3]);
    expect(after.seq).toBe(11);
  });
  test('old ticks make room', () => {
    const events = Array.from({ length: MAX_TICKS + 20 }, (_, index) => event(11 + index, tick(index)));
    const { snapshot: after } = foldSnapshot(snapshot(), events);
    expect(after.throughput).toHaveLength(MAX_TICKS);
    expect(after.throughput[0]?.tick).toBe(20);
  });
  test('how the stack stands and what its shop is asked for is what it is told', () => {
    const running = foldSnapshot(snapshot(), [event(11, started, 'R')]).snapshot;
    expect(running.state).toBe('up');
    const told: EventKind[] = [
      { type: 'state', state: 'busy' },
      { type: 'rate', orders_per_minute: 7 },
    ];
    const busy = foldSnapshot(
      running,
      told.map((kind, index) => event(12 + index, kind)),
    ).snapshot;
    expect(busy).toMatchObject({ state: 'busy', orders_per_minute: 7 });
    expect(foldSnapshot(busy, [event(14, ended, 'R')]).snapshot.state).toBe('busy');
  });
  test('the input is left as it was', () => {
    const before = Object.freeze(snapshot({ throughput: Object.freeze([]) as never }));
    foldSnapshot(before, [event(11, tick(1))]);
    expect(before.throughput).toHaveLength(0);
  });
});

describe('the run store', () => {
  let send: (update: Update) => void = () => undefined;
  const detached = vi.fn();
  const call = vi.fn();
  const watch = vi.fn((_stack: string, onUpdate: (update: Update) => void) => {
    send = onUpdate;
    return Promise.resolve(detached);
  });
  const host = { call, watch } as unknown as Host;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.clearAllMocks();
  });
  afterEach(() => vi.useRealTimers());

  test('counts the runs that end', async () => {
    const store = new RunStore(host);
    await store.attach('demo');
    send({ type: 'snapshot', value: snapshot() });
    send({ type: 'events', value: [event(11, started, 'R'), event(12, ended, 'R')] });
    expect(store.runsEnded).toBe(1);
    expect(call).not.toHaveBeenCalled();
  });
  test('attaches again when the agent was killed', async () => {
    const store = new RunStore(host);
    await store.attach('demo');
    send({ type: 'snapshot', value: snapshot() });
    send({ type: 'ended' });
    expect(store.connection).toBe('lost');
    await vi.runAllTimersAsync();
    expect(watch).toHaveBeenCalledTimes(2);
  });
  test('knows a stack that was taken down is gone', async () => {
    const store = new RunStore(host);
    await store.attach('demo');
    send({ type: 'snapshot', value: snapshot() });
    send({
      type: 'events',
      value: [event(11, { ...started, operation: 'down' }, 'R'), event(12, ended, 'R')],
    });
    send({ type: 'ended' });
    expect(store.connection).toBe('gone');
  });
  test('drops what a former stack still sends', async () => {
    const store = new RunStore(host);
    await store.attach('one');
    const late = send;
    await store.attach('two');
    late({ type: 'snapshot', value: snapshot() });
    expect(store.snapshot).toBeNull();
    expect(detached).toHaveBeenCalledOnce();
  });
});

describe('the current page', () => {
  const facts: Facts = {
    stack: 'demo',
    making: null,
    proving: null,
    checked: false,
    leftRun: null,
    inspecting: false,
    state: 'up',
    run: null,
  };
  const up = { run: 'R', operation: 'up', outcome: { result: 'succeeded' } } as Facts['run'];
  const planned = { run: 'R', operation: 'plan', outcome: { result: 'succeeded' } } as Facts['run'];
  const failed = { result: 'failed', failure: { summary: '', causes: [], blame: 'user' } };
  const refreshing = { run: 'R', operation: 'refresh', outcome: null } as Facts['run'];
  test.each<[string, Partial<Facts>, string]>([
    ['no stack is open', { stack: null }, 'welcome'],
    ['the stack is not known yet', { state: null }, 'opening'],
    ['a new stack is unchecked', { state: 'new' }, 'check'],
    ['a new stack is checked', { state: 'new', checked: true }, 'run'],
    ['a run is under way', { state: 'busy', run: { ...up, outcome: null } as Facts['run'] }, 'run'],
    ['a refresh is under way', { state: 'busy', run: refreshing }, 'dashboard'],
    ['a refresh is looked at', { state: 'busy', run: refreshing, inspecting: true }, 'run'],
    ['the user has not left the finished run', { run: up }, 'run'],
    ['the user has left it', { run: up, leftRun: 'R' }, 'dashboard'],
    ['parts are left', { state: 'partial', run: up }, 'run'],
    ['an AWS stack is put together', { stack: null, making: 'configure' }, 'configure'],
    ['a plan is under way', { state: 'new', run: { ...planned, outcome: null } as Facts['run'] }, 'run'],
    ['a new stack was planned', { state: 'new', run: planned }, 'review'],
    ['it was planned before it was opened', { state: 'new', run: planned, leftRun: 'R' }, 'review'],
    ['the log of its plan is asked for', { state: 'new', run: planned, inspecting: true }, 'run'],
    ['its plan failed', { state: 'new', run: { ...planned, outcome: failed } as Facts['run'] }, 'run'],
    ['drift was looked for', { run: planned }, 'review'],
    ['drift was looked for and left', { run: planned, leftRun: 'R' }, 'dashboard'],
    ['a removed stack is proved', { stack: null, proving: 'demo' }, 'proof'],
  ])('when %s', (_, change, page) => expect(pageOf({ ...facts, ...change })).toBe(page));
});

describe('the draft', () => {
  test('the default is fine', () => expect(problemsOf(new Draft('demo').config, [])).toEqual({}));
  test.each(['', 'Demo', '2shop', '-a', 'a/b', '..', 'x'.repeat(33)])('“%s” is no name', (name) => {
    expect(problemsOf(new Draft(name).config, []).name).toBeDefined();
  });
  test('a taken name is said to be', () =>
    expect(problemsOf(new Draft('demo').config, ['demo']).name).toContain('already'));
  test('numbers are held to their limits', () => {
    const draft = new Draft('demo').config;
    Object.assign(draft.shop, { backfill_days: 3651, orders_per_minute: NaN, seed: null });
    Object.assign(draft.target, { refresh_minutes: 1.5 });
    expect(Object.keys(problemsOf(draft, [])).sort()).toEqual([
      'backfill_days',
      'orders_per_minute',
      'refresh_minutes',
      'seed',
    ]);
  });
  test('a free name is found', () => {
    expect(freeName([])).toBe('demo');
    expect(freeName(['demo', 'demo-2'])).toBe('demo-3');
  });
});

describe('the draft of a stack in AWS', () => {
  const draft = () => {
    const drafted = new Draft('demo');
    drafted.kind = 'aws';
    drafted.aws.account_id = '123456789012';
    return drafted;
  };
  test('with an account it is fine', () => expect(problemsOf(draft().config, [])).toEqual({}));
  test.each(['x', 'x'.repeat(21), 'Shop', '1shop'])('“%s” is no name', (name) => {
    expect(problemsOf({ ...draft().config, name }, []).name).toContain('2 to 20');
  });
  test('numbers are held to their limits, and an account is needed', () => {
    const wrong = draft();
    Object.assign(wrong.shop, { backfill_days: 1.5, seed: 0.5 });
    Object.assign(wrong.aws, { account_id: '12', tick_minutes: 0, lifetime_hours: -1 });
    expect(Object.keys(problemsOf(wrong.config, [])).sort()).toEqual([
      'account_id',
      'backfill_days',
      'lifetime_hours',
      'seed',
      'tick_minutes',
    ]);
  });
  test('one target’s settings survive a look at the other', () => {
    const drafted = draft();
    drafted.aws.region = 'us-east-1';
    drafted.kind = 'sandbox';
    expect(drafted.config.target.kind).toBe('sandbox');
    drafted.kind = 'aws';
    expect(drafted.config.target).toMatchObject({ region: 'us-east-1' });
  });
});

describe('the wizard store', () => {
  test('a resumed up in AWS names the review it was confirmed with; in a sandbox there is none', async () => {
    const call = vi.fn((command: string) => Promise.resolve(command === 'review' ? { id: 'seen' } : 'RUN'));
    const wizard = new WizardStore({ call } as unknown as Host);
    wizard.open('demo');
    await wizard.resume('up', 'aws');
    expect(call).toHaveBeenLastCalledWith('start', { stack: 'demo', operation: 'up', review: 'seen' });
    await wizard.resume('up', 'sandbox');
    expect(call).toHaveBeenLastCalledWith('start', { stack: 'demo', operation: 'up' });
    await wizard.resume('down', 'aws');
    expect(call).toHaveBeenLastCalledWith('start', { stack: 'demo', operation: 'down' });
  });
  test('a stack that could not be made is not planned', async () => {
    const call = vi.fn().mockRejectedValue('no room');
    const wizard = new WizardStore({ call } as unknown as Host);
    await wizard.createAndPlan();
    expect(call).toHaveBeenCalledTimes(1);
    expect(wizard.failure?.causes).toEqual(['no room']);
  });
  test('a run that someone else began is no failure', async () => {
    const call = vi.fn().mockRejectedValue({ code: 'busy', summary: 'Busy', causes: [], blame: 'user' });
    const wizard = new WizardStore({ call } as unknown as Host);
    wizard.open('demo');
    await wizard.start('up');
    expect(wizard.failure).toBeNull();
  });
  test('any other failure is shown', async () => {
    const wizard = new WizardStore({ call: vi.fn().mockRejectedValue('no socket') } as unknown as Host);
    wizard.open('demo');
    await wizard.start('up');
    expect(wizard.failure?.causes).toEqual(['no socket']);
    expect(wizard.busy).toBe(false);
  });
});
