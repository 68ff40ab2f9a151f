/** The one store of what the user is about to do: which stack is open, what was decided, the draft of a new stack. */
import { asFailure, type Host } from '../host/host';
import type { Failure } from '../protocol/Failure';
import type { Operation } from '../protocol/Operation';
import { Draft, type Kind } from './draft.svelte';
import type { Making } from './page';

export class WizardStore {
  stack = $state<string | null>(null);
  making = $state<Making | null>(null);
  proving = $state<string | null>(null);
  checked = $state(false);
  leftRun = $state<string | null>(null);
  inspecting = $state(false);
  draft = $state.raw(new Draft('demo'));
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);

  constructor(private readonly host: Host) {}

  /** Makes the drafted stack and opens it. */
  async create(): Promise<void> {
    await this.#attempt(async () => {
      const made = await this.host.call('create_stack', this.draft.config);
      this.open(made.config.name);
    });
  }

  /** Makes the drafted stack, which was checked on the way, and finds out what bringing it up would do. */
  async createAndPlan(): Promise<void> {
    await this.create();
    if (this.failure) return;
    this.checked = true;
    await this.start('plan');
  }

  /** Begins an operation of the open stack; `review` is what was confirmed for it. */
  async start(operation: Operation, review?: string): Promise<void> {
    const { stack } = this;
    if (!stack) return;
    await this.#attempt(async () => {
      try {
        await this.host.call('start', { stack, operation, ...(review === undefined ? {} : { review }) });
      } catch (thrown) {
        // Another window or the CLI was quicker: its run is on show already.
        if (asFailure(thrown).code !== 'busy') throw thrown;
      }
      if (operation !== 'refresh') this.inspecting = false;
    });
  }

  /**
   * Goes on with a run that ended before it was done. An `up` in AWS names again what was confirmed for it: the latest
   * review, because whoever plans anew makes that plan the latest run.
   */
  async resume(operation: Operation, kind: Kind): Promise<void> {
    const { stack } = this;
    if (!stack || kind === 'sandbox' || operation !== 'up') return this.start(operation);
    let review: string | undefined;
    await this.#attempt(async () => (review = (await this.host.call('review', stack))?.id));
    if (!this.failure) await this.start('up', review);
  }

  async cancel(): Promise<void> {
    const { stack } = this;
    if (stack) await this.#attempt(() => this.host.call('cancel', stack));
  }

  /** Opens a stack that exists. `watched` is a run already over when it was opened: it need not be shown again. */
  open(stack: string, watched: string | null = null): void {
    this.stack = stack;
    this.making = null;
    this.proving = null;
    this.checked = false;
    this.inspecting = false;
    this.leftRun = watched;
    this.failure = null;
    this.draft = new Draft('demo');
  }

  /** Goes to a page on which the draft is put together. */
  make(page: Making): void {
    this.making = page;
    this.failure = null;
  }

  /** Shows the proof that a stack is gone. */
  prove(stack: string): void {
    this.stack = null;
    this.proving = stack;
  }

  /** Goes back to the list of stacks. */
  close(): void {
    this.stack = null;
    this.making = null;
    this.proving = null;
    this.failure = null;
  }

  async #attempt(action: () => Promise<unknown>): Promise<void> {
    this.busy = true;
    this.failure = null;
    try {
      await action();
    } catch (thrown) {
      this.failure = asFailure(thrown);
    } finally {
      this.busy = false;
    }
  }
}
