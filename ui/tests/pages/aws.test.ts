import { screen, waitFor, within } from '@testing-library/svelte';
import { beforeEach, describe, expect, test } from 'vitest';
import type { FakeOptions } from '../../src/host/fake';
import { FAST, find, open, press } from './host';
import { configure, credentials, type } from './ways';

beforeEach(() => localStorage.clear());

describe('Welcome', () => {
  test('says what each target costs and needs, and holds names to what AWS allows', async () => {
    const { user } = open();
    const aws = (await find('target-aws')).closest('label') as HTMLElement;
    within(aws).getByText(/an hour/);
    within(aws).getByText(/AWS account/);
    await user.click(await find('target-aws'));
    await type(user, 'stack-name', 'x');
    await screen.findByText(/2 to 20 lower-case letters/);
    expect(await find('to-credentials')).toHaveProperty('disabled', true);
    expect(await find('stack-name')).toHaveProperty('maxLength', 20);
  });
  test('keeps what was chosen when one comes back', async () => {
    const { user } = open();
    await user.click(await find('target-aws'));
    await type(user, 'stack-name', 'frankfurt');
    await press(user, 'to-credentials');
    await user.click(await screen.findByRole('button', { name: 'Back' }));
    expect(await find('stack-name')).toHaveProperty('value', 'frankfurt');
    expect(await find('target-aws')).toHaveProperty('checked', true);
  });
});

describe('Credentials', () => {
  test('shows whose account it is before anything else', async () => {
    const { host } = await credentials();
    expect((await find('account-id')).textContent).toBe('1234 5678 9012');
    within(await find('identity')).getByText(/account things will be made in/);
    expect(host.last('aws_identity')).toEqual({
      access: { kind: 'profile', name: 'default' },
      region: 'eu-central-1',
    });
  });
  test('a profile brings its region', async () => {
    const { host, user } = await credentials();
    await user.click(await find('profile-work'));
    expect(await find('region')).toHaveProperty('value', 'eu-west-1');
    expect(host.last('aws_identity')).toMatchObject({ region: 'eu-west-1' });
  });
  test('an expired session says what renews it, and goes on from there', async () => {
    const { user } = await credentials();
    await user.click(await find('profile-work'));
    expect((await find('command')).textContent).toBe('aws sso login --profile work');
    expect(await find('to-check')).toHaveProperty('disabled', true);
    await press(user, 'ask-again');
    expect((await find('account-id')).textContent).toBe('5555 6666 7777');
    expect(await find('to-check')).toHaveProperty('disabled', false);
  });
  test('another region is asked with, and kept', async () => {
    const { host, user } = await credentials();
    await find('account-id');
    await user.selectOptions(await find('region'), 'us-east-1');
    await find('account-id');
    expect(host.last('aws_identity')).toMatchObject({ region: 'us-east-1' });
  });
  test('the command that renews a session can be copied where it is named', async () => {
    const { user } = await credentials();
    await user.click(await find('profile-work'));
    await press(user, 'copy-command');
    expect(await navigator.clipboard.readText()).toBe('aws sso login --profile work');
    await screen.findByText('Copied', {}, FAST);
  });
  test('profiles that cannot be read leave the other ways, and are told of', async () => {
    const opened = open();
    opened.host.refuse.aws_profiles = {
      summary: '~/.aws/config has no closing bracket in line 3',
      causes: [],
      blame: 'user',
    };
    await opened.user.click(await find('target-aws'));
    await press(opened.user, 'to-credentials');
    await screen.findByText(/no closing bracket/, {}, FAST);
    expect((await find('account-id')).textContent).toBe('1234 5678 9012');
  });
  test('a computer without profiles and credentials says so, and takes a key', async () => {
    await credentials({ scenario: 'aws-bare' });
    await screen.findByText(/No profile was found/, {}, FAST);
    await screen.findByText('No AWS credentials were found', {}, FAST);
  });
});

describe('An access key', () => {
  const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  const ID = 'AKIAIOSFODNN7EXAMPLE';

  async function give(id = ID) {
    const opened = await credentials();
    await opened.user.click(await find('access-key'));
    await type(opened.user, 'key-id', id);
    await type(opened.user, 'key-secret', SECRET);
    return opened;
  }
  const traces = () =>
    [document.documentElement.outerHTML, JSON.stringify(localStorage), location.href].join('\n');
  const typed = async () => ((await find('key-secret')) as HTMLInputElement).value;

  test('goes once to the keyring; its secret is nowhere in the page afterwards', async () => {
    const { host, user } = await give();
    await press(user, 'keep-key');
    expect((await find('account-id')).textContent).toBe('2109 8765 4321');
    expect(host.calls.filter(([command]) => command === 'keep_key')).toEqual([
      ['keep_key', { id: ID, secret: SECRET }],
    ]);
    expect(await typed()).toBe('');
    expect(traces()).not.toContain(SECRET);
    expect(await find('keep-key')).toHaveProperty('disabled', true);
    const others = host.calls.filter(([command]) => command !== 'keep_key');
    expect(JSON.stringify(others)).not.toContain(SECRET);
    expect(host.last('aws_identity')).toMatchObject({ access: { kind: 'key', id: ID } });
  });
  test('is forgotten even if the keyring refuses it', async () => {
    const { host, user } = await give();
    host.refuse.keep_key = {
      summary: 'The keyring is locked',
      causes: [],
      hint: 'Unlock it.',
      blame: 'environment',
    };
    await press(user, 'keep-key');
    await screen.findByText('The keyring is locked', {}, FAST);
    expect(await typed()).toBe('');
    expect(traces()).not.toContain(SECRET);
    expect(await find('to-check')).toHaveProperty('disabled', true);
  });
  test('half of one is not taken', async () => {
    await give('not a key');
    expect(await find('keep-key')).toHaveProperty('disabled', true);
  });
});

describe('Check', () => {
  test('asks with the chosen credentials in the chosen region', async () => {
    const { host, user } = await credentials();
    await press(user, 'to-check');
    await find('check-permissions');
    expect(host.last('check')).toEqual({
      kind: 'aws',
      access: { kind: 'profile', name: 'default' },
      region: 'eu-central-1',
    });
    await find('check-vcpus');
  });
  test('lists missing permissions by action, and does not go on', async () => {
    const { user } = await credentials({ scenario: 'aws-denied' });
    await press(user, 'to-check');
    const check = await find('check-permissions');
    within(check).getByText('15 of 104 actions are not allowed:');
    within(check).getByText('RunInstances');
    within(check).getByText('PassRole');
    within(check).getByText('and 3 more');
    expect((await find('check-vcpus')).dataset.status).toBe('failed');
    expect(await find('continue')).toHaveProperty('disabled', true);
  });
});

describe('Check of this computer', () => {
  test('installs a missing Terraform with one click, then goes on', async () => {
    const { host, user } = await credentials({ scenario: 'aws-tools' });
    await press(user, 'to-check');
    await find('check-terraform');
    expect(screen.getAllByTestId(/^check-(?!again)/)[0]?.dataset.testid).toBe('check-terraform');
    await press(user, 'fix-terraform');
    await waitFor(async () => expect((await find('check-terraform')).dataset.status).toBe('passed'), FAST);
    expect(host.last('fix_check')).toBe('terraform');
    await press(user, 'continue');
    await find('price-hour');
  });
});

describe('Check of a stack that was made before', () => {
  async function reopened(options: Partial<FakeOptions>) {
    const opened = open(options);
    await press(opened.user, 'stack-demo');
    await find('check-permissions');
    return opened;
  }

  test('says whose account the credentials have become, and does not go on', async () => {
    const { host } = await reopened({ scenario: 'aws-other' });
    const check = await find('check-other-account');
    expect(check.dataset.status).toBe('failed');
    within(check).getByText(/belongs in 9999 8888 7777; profile default opens 1234 5678 9012/);
    expect(await find('continue')).toHaveProperty('disabled', true);
    expect(host.calls.filter(([command]) => command === 'start')).toEqual([]);
  });
  test('goes on once the credentials are the right ones again', async () => {
    const { host, user } = await reopened({ scenario: 'aws-other' });
    host.answer.aws_identity = { account_id: '999988887777', arn: 'arn:aws:iam::999988887777:user/jo' };
    await press(user, 'check-again');
    await waitFor(() => expect(screen.queryByTestId('check-other-account')).toBeNull(), FAST);
    await press(user, 'continue');
    await find('start-run');
  });
});

describe('Configure', () => {
  test('asks for the history, and makes the stack with it', async () => {
    const { host, user } = await configure();
    await screen.findByText('About 864,000 orders before it opens');
    await type(user, 'backfill-days', '3651');
    await screen.findByText('Choose 0 to 3650 days.');
    expect(await find('create-plan')).toHaveProperty('disabled', true);
    await type(user, 'backfill-days', '0');
    await screen.findByText('Starts with an empty shop');
    await press(user, 'create-plan');
    await find('confirm-review');
    expect(host.last('create_stack')).toMatchObject({ shop: { backfill_days: 0 }, target: { kind: 'aws' } });
  });
  test('another account or region can still be chosen; what was set is kept', async () => {
    const { user } = await configure();
    await type(user, 'tick-minutes', '7');
    await press(user, 'change-place');
    await user.selectOptions(await find('region'), 'us-east-1');
    await press(user, 'to-check');
    await press(user, 'continue');
    expect(await find('tick-minutes')).toHaveProperty('value', '7');
    screen.getByText(/N. Virginia, us-east-1/);
  });
  test('a price that cannot be told is said to be, and holds nothing up', async () => {
    const { host, user } = await configure();
    host.refuse.price = { summary: 'There are no prices of this region', causes: [], blame: 'user' };
    await type(user, 'orders-per-minute', '30');
    await screen.findByText('There are no prices of this region', {}, FAST);
    expect(await find('create-plan')).toHaveProperty('disabled', false);
  });
  test('prices what is chosen, line by line', async () => {
    const { host, user } = await configure();
    const before = (await find('price-hour')).textContent;
    await user.selectOptions(await find('size-airbyte'), 'm6i.xlarge');
    await waitFor(async () => expect((await find('price-hour')).textContent).not.toBe(before), FAST);
    expect(host.last('price')).toMatchObject({ target: { kind: 'aws', hosts: { airbyte: 'm6i.xlarge' } } });
    screen.getByText('While the hosts are stopped');
    screen.getAllByText('still paid');
  });
  test('Airbyte is offered no host that is too small for it', async () => {
    await configure();
    const offered = within(await find('size-airbyte')).getAllByRole('option');
    expect(offered.map((option) => (option as HTMLOptionElement).value)).not.toContain('t3.medium');
  });
  test('a stack that never stops says what that costs', async () => {
    const { host, user } = await configure();
    await user.click(screen.getByRole('radio', { name: 'Never stop' }));
    await screen.findByText(/until you take it down/);
    await waitFor(() => expect(host.last('price')).toMatchObject({ target: { lifetime_hours: 0 } }), FAST);
  });
  test('a tick that cannot be is said to be, and is not priced', async () => {
    const { host, user } = await configure();
    const asked = host.calls.length;
    await type(user, 'tick-minutes', '61');
    await screen.findByText('Choose 1 to 60 minutes.');
    expect(await find('create-plan')).toHaveProperty('disabled', true);
    expect(host.calls.slice(asked).map(([, argument]) => JSON.stringify(argument))).not.toContainEqual(
      expect.stringContaining('"tick_minutes":61'),
    );
  });
  test('makes the stack and plans it, and nothing more', async () => {
    const { host, user } = await configure();
    await press(user, 'create-plan');
    await find('confirm-review');
    expect(host.last('create_stack')).toMatchObject({
      name: 'demo',
      target: { kind: 'aws', account_id: '123456789012', access: { kind: 'profile', name: 'default' } },
    });
    const starts = host.calls.filter(([command]) => command === 'start');
    expect(starts).toEqual([['start', { stack: 'demo', operation: 'plan' }]]);
  });
});
