import { screen, waitFor, within } from '@testing-library/svelte';
import { beforeEach, describe, expect, test } from 'vitest';
import { FAST, find, open, press } from './host';
import { configure, dashboard, review, type } from './ways';

beforeEach(() => localStorage.clear());

describe('Review', () => {
  test('names count, account, region and price on the button that begins it', async () => {
    const { host, user } = await review();
    expect((await find('confirm-review')).textContent).toMatch(
      /^Create \d+ resources in 123456789012, eu-central-1, for about \$0\.\d\d an hour$/,
    );
    await press(user, 'confirm-review');
    await find('step-foundation');
    expect(host.last('start')).toMatchObject({ stack: 'demo', operation: 'up' });
    expect(host.last('start')).toHaveProperty('review', expect.stringMatching(/^review-/));
  });
  test('says which root is a forecast', async () => {
    await review();
    within(await find('root-services')).getByTestId('forecast');
    expect(within(await find('root-foundation')).queryByTestId('forecast')).toBeNull();
  });
  test('filters by name and by address', async () => {
    const { user } = await review();
    await user.type(await find('review-filter'), 'host: airbyte');
    expect((await find('review-shown')).textContent).toMatch(/^1 of \d+$/);
    within(await find('change')).getByText('module.airbyte_host.aws_instance.this');
    await type(user, 'review-filter', 'no such thing');
    expect((await find('review-none')).textContent).toContain('No resource is called “no such thing”');
  });
  test('a review that is not the latest any more begins nothing, and says why', async () => {
    const { host, user } = await review();
    host.refuse.start = { summary: 'The plan has changed since it was confirmed', causes: [], blame: 'user' };
    await press(user, 'confirm-review');
    await screen.findByText('The plan has changed since it was confirmed', {}, FAST);
    await find('confirm-review');
  });
  test('a stack one does not want is taken down from here', async () => {
    const { user } = await review();
    await press(user, 'teardown');
    expect((await find('teardown-account')).textContent).toBe('1234 5678 9012');
  });
});

describe('Run', () => {
  test('shows the longest chain, and what runs beside it', async () => {
    const { user } = await review({ hold: 'foundation' });
    await press(user, 'confirm-review');
    expect((await find('longest-chain')).textContent).toMatch(/AWS account → .* → Services/);
  });
  test('what a step took is learned by operation: a down is no up', async () => {
    const { user } = await review();
    await press(user, 'confirm-review');
    await find('run-done');
    await waitFor(() => expect(localStorage.getItem('retailflow.step-seconds')).toContain('"services"'));
    expect(localStorage.getItem('retailflow.step-seconds')).not.toContain('plan-services');
    expect(localStorage.getItem('retailflow.step-seconds.plan')).toContain('plan-services');
  });
  test('a failed run resumes with what was confirmed for it', async () => {
    const { host, user } = await review({ scenario: 'aws-failure' });
    await press(user, 'confirm-review');
    within(await find('failure')).getByText(/t3.large to spare/);
    const confirmed = host.last('start');
    await press(user, 'resume');
    await press(user, 'open-dashboard');
    expect(host.last('start')).toEqual(confirmed);
    await find('check-drift');
  });
  test('a plan that was stopped is planned again', async () => {
    const { host, user } = await configure({ hold: 'plan-foundation' });
    await press(user, 'create-plan');
    await press(user, 'cancel-run');
    await screen.findByText(/Nothing was made/, {}, FAST);
    expect((await find('resume')).textContent).toContain('Plan again');
    await press(user, 'resume');
    expect(host.last('start')).toEqual({ stack: 'demo', operation: 'plan' });
  });
});

describe('Dashboard', () => {
  test('shows services, hosts and alarms, what it costs, and no control that AWS does not have', async () => {
    await dashboard();
    expect((await find('place')).textContent).toContain('1234 5678 9012 · Frankfurt, eu-central-1');
    expect((await find('service-host-airbyte')).dataset.health).toBe('healthy');
    within(screen.getByRole('region', { name: 'Alarms' })).getByText('Missed ticks');
    await waitFor(async () => expect((await find('tile-cost')).textContent).toMatch(/^\$\d/), FAST);
    expect(screen.queryByTestId('refresh-now')).toBeNull();
    expect(screen.queryByTestId('rate')).toBeNull();
  });
  test('opens what is behind a tunnel', async () => {
    const { host, user } = await dashboard();
    await press(user, 'link-metabase');
    expect(host.last('open')).toEqual({ stack: 'demo', link: 'metabase', path: '' });
  });
  test('only logs that can be read are offered', async () => {
    await dashboard();
    await screen.findByRole('button', { name: 'Log of Metabase' }, FAST);
    expect(screen.queryByRole('button', { name: 'Log of Host of Airbyte' })).toBeNull();
  });
  test('without drift there is nothing to confirm', async () => {
    const { user } = await dashboard();
    await press(user, 'check-drift');
    await press(user, 'leave-review');
    await find('check-drift');
    expect(screen.queryByTestId('confirm-review')).toBeNull();
  });
  test('drift is shown, and mended only when confirmed', async () => {
    const { host, user } = await dashboard({ scenario: 'aws-drift' });
    await press(user, 'check-drift');
    within(await find('drift')).getByText('3 things changed behind the stack’s back');
    expect((await find('confirm-review')).textContent).toMatch(
      /^Create 1, change 2 and replace 1 resources in 123456789012/,
    );
    expect(host.last('start')).toEqual({ stack: 'demo', operation: 'plan' });
    await press(user, 'confirm-review');
    await press(user, 'open-dashboard');
    await find('check-drift');
  });
  test('what is unwell is told first, and mended through a plan that asks before it changes anything', async () => {
    const { host, user } = open({ scenario: 'aws-unwell' });
    await press(user, 'stack-a-shop-in-frankfurt1');
    const unwell = await find('unwell');
    within(unwell).getByText('3 things are unwell');
    within(unwell).getByText(/it lies in the queue/);
    expect((await find('tile-healthy')).textContent).toBe('7 of 11');
    await press(user, 'mend');
    await find('leave-review');
    expect(host.calls.filter(([command]) => command === 'start')).toEqual([
      ['start', { stack: 'a-shop-in-frankfurt1', operation: 'plan' }],
    ]);
  });
  test('a stack that was just made says what still starts, and when the first tick is due', async () => {
    await dashboard({ scenario: 'aws-starting' });
    await screen.findByText('The first tick is due within 3 minutes.', {}, FAST);
    within(await find('service-airbyte')).getByText('Starting');
    expect((await find('tile-tick')).textContent).toBe('–');
    expect(screen.queryByTestId('stopped')).toBeNull();
  });
  test('the calls of the shop are told one by one, the failed ones with their reason', async () => {
    const { user } = open({ scenario: 'aws-unwell' });
    await press(user, 'stack-a-shop-in-frankfurt1');
    const calls = within(await find('calls'));
    await calls.findByText(/\d+ in the last hour, \d+ failed/, {}, FAST);
    expect(calls.getAllByTestId('call').length).toBeGreaterThan(10);
    calls.getByText('timeout');
    expect(calls.getAllByText(/paid for · 4\d MB used/).length).toBeGreaterThan(10);
  });
  test('a stack whose time was over says that nothing is lost, and what is still paid', async () => {
    const { user } = open({ scenario: 'aws-stopped' });
    await press(user, 'stack-a-shop-in-frankfurt1');
    const stopped = await find('stopped');
    within(stopped).getByText(/Its time was over on .*: hosts and shop were stopped, not removed/);
    await within(stopped).findByText(/\$0\.\d\d an hour is still paid/, {}, FAST);
    expect((await find('stack-state')).textContent).toBe('Stopped');
    expect((await find('bill')).textContent).not.toContain('t3.large');
  });
  test('is taken down in a named account only, and proved by service', async () => {
    const { host, user } = await dashboard();
    await press(user, 'teardown');
    await screen.findByText(/data and the pushed images are lost/);
    expect((await find('confirm-teardown')).textContent).toContain('Take it down in 123456789012');
    expect(host.calls.filter(([command]) => command === 'start')).toEqual([]);
    await press(user, 'confirm-teardown');
    await find('proof-holds');
    within(await find('proof-table')).getByText('Secrets Manager');
  });
  test('a proof that cannot be had is not taken for one, and is asked for again', async () => {
    const { host, user } = await dashboard();
    host.refuse.proof = {
      summary: 'AWS did not tell what is left',
      causes: [],
      hint: 'The session has expired: run `aws sso login --profile work`, then look again.',
      blame: 'environment',
    };
    await press(user, 'teardown');
    await press(user, 'confirm-teardown');
    await screen.findByText('AWS did not tell what is left', {}, FAST);
    expect((await find('command')).textContent).toBe('aws sso login --profile work');
    expect(screen.queryByTestId('proof-holds')).toBeNull();
    host.refuse = {};
    await user.click(screen.getByRole('button', { name: 'Look again' }));
    await find('proof-holds');
  });
  test('what is left is said, with the service it is left in', async () => {
    const { user } = await dashboard({ scenario: 'aws-left' });
    await press(user, 'teardown');
    await press(user, 'confirm-teardown');
    expect((await find('proof-broken')).textContent).toMatch(/1 thing of demo\s+is left/);
    screen.getByText(/held by Lambda, which gives it back/);
  });
  test('a stack that was only planned is opened where it was left', async () => {
    const { user } = await review();
    await user.click(await find('home'));
    await press(user, 'stack-demo');
    await find('confirm-review');
  });
});
