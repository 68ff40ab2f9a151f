import { render, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, test } from 'vitest';
import App from '../../src/App.svelte';
import { FakeHost, type FakeOptions } from '../../src/host/fake';
import type { Argument, Command, Host, Result } from '../../src/host/host';

const FAST = { timeout: 5000 };

/** A fake host that remembers what it was asked, and can be told to refuse. */
class Observed extends FakeHost {
  readonly calls: [Command, unknown][] = [];
  refuse: Partial<Record<Command, unknown>> = {};

  override call<K extends Command>(command: K, argument: Argument<K>): Promise<Result<K>> {
    this.calls.push([command, argument]);
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the host rejects with failures
    if (this.refuse[command]) return Promise.reject(this.refuse[command]);
    return super.call(command, argument);
  }

  last(command: Command): unknown {
    return this.calls.findLast(([name]) => name === command)?.[1];
  }
}

function open(options: Partial<FakeOptions> = {}) {
  const host = new Observed({ scenario: 'fresh', speed: 50, lines: 0, burst: 0, ...options });
  render(App, { props: { host: host as Host } });
  return { host, user: userEvent.setup() };
}
const find = (id: string) => screen.findByTestId(id, {}, FAST);

beforeEach(() => localStorage.clear());

describe('Welcome', () => {
  test('creates a stack with what was typed', async () => {
    const { host, user } = open();
    const name = await find('stack-name');
    await user.clear(name);
    await user.type(name, 'shop-2');
    await user.clear(await find('backfill-days'));
    await user.type(await find('backfill-days'), '7');
    await user.click(await find('create-stack'));
    expect(host.last('create_stack')).toMatchObject({
      name: 'shop-2',
      target: { kind: 'sandbox', backfill_days: 7 },
    });
    await find('continue');
  });
  test('says what is wrong with a name, and does not go on', async () => {
    const { user } = open();
    const name = await find('stack-name');
    await user.clear(name);
    await user.type(name, 'Démo');
    await screen.findByText(/lower-case letters/);
    expect(await find('create-stack')).toHaveProperty('disabled', true);
  });
  test('shows what the host refuses', async () => {
    const { host, user } = open();
    host.refuse.create_stack = {
      summary: 'The disk is full',
      causes: ['ENOSPC'],
      hint: 'Free some.',
      blame: 'environment',
    };
    await user.click(await find('create-stack'));
    const panel = await find('failure');
    within(panel).getByText('The disk is full');
    within(panel).getByText('ENOSPC');
    within(panel).getByText(/Free some/);
  });
  test('lists stacks with where they stand', async () => {
    open({ scenario: 'stacks' });
    within(await find('stack-demo')).getByText('Up');
    within(await find('stack-load-test')).getByText('Not started');
    expect(await find('stack-name')).toHaveProperty('value', 'demo-2');
  });
});

describe('Check', () => {
  test('mends what can be mended, then goes on', async () => {
    const { host, user } = open({ scenario: 'missing' });
    await user.click(await find('create-stack'));
    const fix = await find('fix-uv');
    expect(await find('continue')).toHaveProperty('disabled', true);
    await user.click(fix);
    await screen.findByText(/installed just now/, {}, FAST);
    expect(host.last('fix_check')).toBe('uv');
    await user.click(await find('continue'));
    await find('start-run');
  });
});

describe('Run', () => {
  test('shows the plan in words and starts nothing by itself', async () => {
    const { host, user } = open();
    await user.click(await find('create-stack'));
    await user.click(await screen.findByRole('button', { name: /Continue/ }));
    await screen.findByText(/Creates a private PostgreSQL 16 cluster/, {}, FAST);
    expect(host.last('start')).toBeUndefined();
    expect((await find('step-postgres')).dataset.status).toBe('waiting');
  });
  test('a failed run tells why, and resumes', async () => {
    const { user } = open({ scenario: 'failure' });
    await user.click(await find('create-stack'));
    await user.click(await find('continue'));
    await user.click(await find('start-run'));
    within(await find('failure')).getByText(/No space left on device/);
    expect((await find('step-history')).dataset.status).toBe('failed');
    await user.click(await find('resume'));
    await find('run-done');
    expect((await find('step-postgres')).dataset.status).toBe('already_done');
  });
  test('a cancelled run says so and can be resumed or removed', async () => {
    const { user } = open({ speed: 4 });
    await user.click(await find('create-stack'));
    await user.click(await find('continue'));
    await user.click(await find('start-run'));
    await user.click(await find('cancel-run'));
    await screen.findByText(/Stopped as you asked/, {}, FAST);
    await find('resume');
    await find('teardown');
  });
});

describe('Dashboard', () => {
  async function dashboard(options: Partial<FakeOptions> = {}) {
    const opened = open({ scenario: 'up', ...options });
    await opened.user.click(await find('stack-demo'));
    await find('kpi-net-revenue');
    return opened;
  }
  test('shows figures, services and links', async () => {
    const { host, user } = await dashboard();
    await screen.findByText(/The newest order in the charts is/, {}, FAST);
    expect((await find('kpi-net-revenue')).textContent).toMatch(/^\$[\d.]+M$/);
    expect((await find('service-postgres')).dataset.health).toBe('healthy');
    await user.click(await find('link-dagster'));
    expect(host.last('open')).toEqual({ stack: 'demo', link: 'dagster', path: '' });
  });
  test('opens a country, then a state, and comes back', async () => {
    const { user } = await dashboard();
    await user.click(await screen.findByRole('button', { name: /Germany/ }, FAST));
    await user.click(await screen.findByRole('button', { name: /Bavaria/ }));
    await screen.findByText('Munich');
    expect(screen.queryByText('Berlin')).toBeNull();
    await user.click(await find('places-back'));
    await screen.findByText('Bavaria');
  });
  test('sets the rate, and pauses', async () => {
    const { host, user } = await dashboard();
    const rate = await find('rate');
    await user.clear(rate);
    await user.type(rate, '600{Enter}');
    expect(host.last('set_rate')).toEqual({ stack: 'demo', orders_per_minute: 600 });
    await user.click(await find('pause-shop'));
    expect(host.last('set_rate')).toEqual({ stack: 'demo', orders_per_minute: 0 });
    await user.click(await find('pause-shop'));
    expect(host.last('set_rate')).toEqual({ stack: 'demo', orders_per_minute: 600 });
  });
  test('a shop without charts says what is to come', async () => {
    await dashboard({ scenario: 'empty' });
    await screen.findByText('No order is charted yet', {}, FAST);
    expect((await find('kpi-net-revenue')).textContent).toBe('–');
  });
  test('an unwell service is told at the top, with a way to mend it', async () => {
    const { host, user } = await dashboard({ scenario: 'unhealthy' });
    within(await find('unwell')).getByText('Dagster web is unwell');
    await user.click(await find('mend'));
    expect(host.last('start')).toEqual({ stack: 'demo', operation: 'up' });
  });
  test('takes the stack down only after it was confirmed, and proves it', async () => {
    const { host, user } = await dashboard();
    await user.click(await find('teardown'));
    await screen.findByText(/Deletes the stack’s folder/);
    expect(host.last('start')).toBeUndefined();
    await user.click(await find('confirm-teardown'));
    expect((await find('proof-holds')).textContent).toBe('Nothing of demo is left');
    await user.click(await find('back-to-stacks'));
    await find('stack-name');
    expect(screen.queryByTestId('stack-demo')).toBeNull();
  });
});
