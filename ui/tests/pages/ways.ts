/** The ways to the pages of a stack in AWS, as a user walks them. */
import type { UserEvent } from '@testing-library/user-event';
import type { FakeOptions } from '../../src/host/fake';
import { find, open, press } from './host';

export async function credentials(options: Partial<FakeOptions> = {}) {
  const opened = open(options);
  await opened.user.click(await find('target-aws'));
  await press(opened.user, 'to-credentials');
  await find('access-key');
  return opened;
}

export async function configure(options: Partial<FakeOptions> = {}) {
  const opened = await credentials(options);
  await press(opened.user, 'to-check');
  await press(opened.user, 'continue');
  await find('price-hour');
  return opened;
}

export async function review(options: Partial<FakeOptions> = {}) {
  const opened = await configure(options);
  await press(opened.user, 'create-plan');
  await find('confirm-review');
  return opened;
}

export async function dashboard(options: Partial<FakeOptions> = {}) {
  const opened = open({ scenario: 'aws', ...options });
  await press(opened.user, 'stack-demo');
  await find('check-drift');
  return opened;
}

export async function type(user: UserEvent, id: string, text: string): Promise<void> {
  const input = await find(id);
  await user.clear(input);
  await user.type(input, text);
}
