import { screen, within } from '@testing-library/svelte';
import { beforeEach, describe, expect, test } from 'vitest';
import type { FakeOptions } from '../../src/host/fake';
import { FAST, find, open, press } from './host';

beforeEach(() => localStorage.clear());

describe('Welcome', () => {
  test('creates a stack with what was typed', async () => {
    const { host, user } = open();
    const name = await find('stack-name');
    await user.clear(name);
    await user.type(name, 'shop-2');
    await user.clear(await find('backfill-days'));
    await user.type(await find('backfill-days'), '7');
    await press(user, 'create-stack');
    expect(host.last('create_stack')).toMatchObject({
      name: 'shop-2',
      shop: { backfill_days: 7 },
      target: { kind: 'sandbox' },
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
    await press(user, 'create-stack');
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
  test('shows a stack it cannot read, with the reason, beside the others', async () => {
    open({ scenario: 'unreadable' });
    const panel = await find('failure');
    within(panel).getByText('The stack last-year cannot be used');
    within(panel).getByText(/made by a newer version/);
    await find('stack-name');
  });
});

describe('Check', () => {
  test('mends what can be mended, then goes on', async () => {
    const { host, user } = open({ scenario: 'missing' });
    await press(user, 'create-stack');
    const fix = await find('fix-uv');
    expect(await find('continue')).toHaveProperty('disabled', true);
    await user.click(fix);
    await screen.findByText(/installed just now/, {}, FAST);
    expect(host.last('fix_check')).toBe('uv');
    await press(user, 'continue');
    await find('start-run');
  });
});

describe('Run', () => {
  test('shows the plan in words and starts nothing by itself', async () => {
    const { host, user } = open();
    await press(user, 'create-stack');
    await press(user, 'continue');
    await screen.findByText(/Make a PostgreSQL 16 cluster/, {}, FAST);
    expect(host.last('start')).toBeUndefined();
    expect((await find('step-postgres')).dataset.status).toBe('waiting');
  });
  test('a failed run tells why, and resumes', async () => {
    const { user } = open({ scenario: 'failure' });
    await press(user, 'create-stack');
    await press(user, 'continue');
    await press(user, 'start-run');
    within(await find('failure')).getByText(/No space left on device/);
    expect((await find('step-history')).dataset.status).toBe('failed');
    await press(user, 'resume');
    await find('run-done');
    expect((await find('step-postgres')).dataset.status).toBe('already_done');
  });
  test('saves the lines that pass the filter, and says where', async () => {
    const { host, user } = open();
    await press(user, 'create-stack');
    await press(user, 'continue');
    await press(user, 'start-run');
    await find('run-done');
    await user.selectOptions(await find('log-level'), 'warn');
    await press(user, 'log-save');
    await screen.findByText(/Saved as ~\/Downloads\/retailflow-demo-run-/, {}, FAST);
    expect(host.last('save_log')).toMatchObject({ stack: 'demo', filter: { level: 'warn' } });
  });
  test('a cancelled run says so and can be resumed or removed', async () => {
    const { user } = open({ speed: 4 });
    await press(user, 'create-stack');
    await press(user, 'continue');
    await press(user, 'start-run');
    await press(user, 'cancel-run');
    await screen.findByText(/Stopped as you asked/, {}, FAST);
    await find('resume');
    await find('teardown');
  });
});

describe('Dashboard', () => {
  async function dashboard(options: Partial<FakeOptions> = {}) {
    const opened = open({ scenario: 'up', ...options });
    await press(opened.user, 'stack-demo');
    await find('kpi-net-revenue');
    return opened;
  }
  test('shows figures, services and links', async () => {
    const { host, user } = await dashboard();
    await screen.findByText(/The newest order in the charts is/, {}, FAST);
    expect((await find('kpi-net-revenue')).textContent).toMatch(/^\$[\d.]+M$/);
    expect((await find('service-postgres')).dataset.health).toBe('healthy');
    await press(user, 'link-dagster');
    expect(host.last('open')).toEqual({ stack: 'demo', link: 'dagster', path: '' });
  });
  test('opens a country, then a state, and comes back', async () => {
    const { user } = await dashboard();
    await user.click(await screen.findByRole('button', { name: /Germany/ }, FAST));
    await user.click(await screen.findByRole('button', { name: /Bavaria/ }));
    await screen.findByText('Munich');
    expect(screen.queryByText('Berlin')).toBeNull();
    await press(user, 'places-back');
    await screen.findByText('Bavaria');
  });
  test('sets the rate, and pauses', async () => {
    const { host, user } = await dashboard();
    const rate = await find('rate');
    await user.clear(rate);
    await user.type(rate, '600');
    await user.tab();
    expect(host.last('set_rate')).toEqual({ stack: 'demo', orders_per_minute: 600 });
    await press(user, 'pause-shop');
    expect(host.last('set_rate')).toEqual({ stack: 'demo', orders_per_minute: 0 });
    await press(user, 'pause-shop');
    expect(host.last('set_rate')).toEqual({ stack: 'demo', orders_per_minute: 600 });
  });
  test('a shop without charts says what is to come', async () => {
    await dashboard({ scenario: 'empty' });
    await screen.findByText('No order is charted yet', {}, FAST);
    expect((await find('kpi-net-revenue')).textContent).toBe('–');
  });
  test('figures that do not agree are told at the top, and what is shown is called old', async () => {
    await dashboard({ scenario: 'doubtful' });
    const doubt = within(await find('doubt'));
    doubt.getByText(/These figures are old/);
    doubt.getByText(/17,280 in the shop, 17,281 in marts\.fct_orders/);
  });
  test('a shop that is behind the clock says how far, and for how long', async () => {
    await dashboard({ scenario: 'behind' });
    expect((await find('shop-behind')).textContent).toMatch(
      /\d d \d+ h behind the clock and catching up, about \d+ m/,
    );
  });
  test('an unwell service is told at the top, with a way to mend it', async () => {
    const { host, user } = await dashboard({ scenario: 'unhealthy' });
    within(await find('unwell')).getByText('Dagster webserver is unwell');
    await press(user, 'mend');
    expect(host.last('start')).toEqual({ stack: 'demo', operation: 'up' });
  });
  test('a run whose files were damaged is listed, and says so', async () => {
    const { user } = open({ scenario: 'long' });
    await press(user, 'stack-a-very-long-stack-name-of-32-cha');
    await user.click(await screen.findByRole('radio', { name: 'Stack' }));
    await screen.findByText('Unreadable');
    await screen.findByText(/run.json could not be read/);
  });
  test('so is one that ended while no agent was there to start it again', async () => {
    await dashboard({ scenario: 'unwatched' });
    within(await find('unwell')).getByText('Shop is unwell');
    within(await find('unwell')).getByText(/not running/i);
  });
  test('takes the stack down only after it was confirmed, and proves it', async () => {
    const { host, user } = await dashboard();
    await press(user, 'teardown');
    await screen.findByText(/Stop PostgreSQL and delete its data/);
    expect(host.last('start')).toBeUndefined();
    await press(user, 'confirm-teardown');
    expect((await find('proof-holds')).textContent).toBe('Nothing of demo is left');
    await press(user, 'back-to-stacks');
    await find('stack-name');
    expect(screen.queryByTestId('stack-demo')).toBeNull();
  });
});
