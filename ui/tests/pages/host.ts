/** The app on a fake host that remembers what it was asked, and can be told to refuse, or what to answer. */
import { render, screen, waitFor } from '@testing-library/svelte';
import userEvent, { type UserEvent } from '@testing-library/user-event';
import { expect } from 'vitest';
import App from '../../src/App.svelte';
import { FakeHost, type FakeOptions } from '../../src/host/fake';
import type { Argument, Command, Host, Result } from '../../src/host/host';

export const FAST = { timeout: 5000 };

export class Observed extends FakeHost {
  readonly calls: [Command, unknown][] = [];
  refuse: Partial<Record<Command, unknown>> = {};
  answer: { [K in Command]?: Result<K> } = {};

  override call<K extends Command>(command: K, argument: Argument<K>): Promise<Result<K>> {
    this.calls.push([command, argument]);
    if (this.refuse[command]) return Promise.reject(this.refuse[command]);
    const answer = this.answer[command];
    if (answer !== undefined) return Promise.resolve(answer as Result<K>);
    return super.call(command, argument);
  }

  last(command: Command): unknown {
    return this.calls.findLast(([name]) => name === command)?.[1];
  }
}

export function open(options: Partial<FakeOptions> = {}) {
  const host = new Observed({ scenario: 'fresh', speed: 50, hold: null, lines: 0, burst: 0, ...options });
  render(App, { props: { host: host as Host } });
  return { host, user: userEvent.setup() };
}

export const find = (id: string) => screen.findByTestId(id, {}, FAST);

/** Presses a button once it can be pressed. */
export async function press(user: UserEvent, id: string): Promise<void> {
  const button = await find(id);
  await waitFor(() => expect(button).toHaveProperty('disabled', false), FAST);
  await user.click(button);
}
