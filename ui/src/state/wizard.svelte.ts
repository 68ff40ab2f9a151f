/** The one store of what the user is about to do: which stack is open, what was decided, the draft of a new stack. */
import { asFailure, type Host } from '../host/host';
import type { Failure } from '../protocol/Failure';
import type { SandboxConfig } from '../protocol/SandboxConfig';
import type { StackConfig } from '../protocol/StackConfig';
import type { Operation } from '../protocol/Operation';
import type { RunState } from '../protocol/RunState';
import type { StackState } from '../protocol/StackState';

export type Page = 'welcome' | 'opening' | 'check' | 'run' | 'dashboard' | 'proof';

export const DEFAULT_SANDBOX: SandboxConfig = {
  seed: 42,
  backfill_days: 30,
  orders_per_minute: 20,
  refresh_minutes: 5,
};

/** What the current page follows from. */
export interface Facts {
  stack: string | null;
  /** The removed stack whose proof is on show. */
  proving: string | null;
  checked: boolean;
  /** The run the user has watched to its end and left. */
  leftRun: string | null;
  /** Whether the user asked to look at the latest run. */
  inspecting: boolean;
  state: StackState | null;
  run: RunState | null;
}

/** The current page; it is derived, never stored. */
export function pageOf(facts: Facts): Page {
  const { stack, state, run } = facts;
  if (facts.proving) return 'proof';
  if (!stack) return 'welcome';
  if (!state) return 'opening';
  if (state === 'new' && !facts.checked) return 'check';
  if (run && !run.outcome) return run.operation === 'refresh' && !facts.inspecting ? 'dashboard' : 'run';
  if (state !== 'up' && state !== 'degraded') return 'run';
  if (facts.inspecting && run) return 'run';
  return run?.operation === 'up' && facts.leftRun !== run.run ? 'run' : 'dashboard';
}

/** What is wrong with a draft, in words, by field; empty if nothing is. The engine checks again. */
export function problemsOf({ name, target }: StackConfig, taken: readonly string[]): Record<string, string> {
  const problems: Record<string, string> = {};
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
    problems.name =
      name === ''
        ? 'Give it a name.'
        : 'Use 1 to 32 lower-case letters, digits and hyphens, starting with a letter.';
  } else if (taken.includes(name)) {
    problems.name = `There is already a stack called “${name}”.`;
  }
  const within = (field: keyof SandboxConfig, most: number, words: string, whole = true) => {
    const value = target[field];
    const fits = Number.isFinite(value) && value >= 0 && value <= most && (!whole || Number.isInteger(value));
    if (!fits) problems[field] = words;
  };
  within('backfill_days', 3650, 'Choose 0 to 3650 days.');
  within('orders_per_minute', 60_000, 'Choose 0 to 60 000 orders a minute.', false);
  within('refresh_minutes', 1440, 'Choose 0 (never) to 1440 minutes.');
  within('seed', 4_294_967_295, 'Choose a whole number from 0 to 4 294 967 295.');
  return problems;
}

export class WizardStore {
  stack = $state<string | null>(null);
  proving = $state<string | null>(null);
  checked = $state(false);
  leftRun = $state<string | null>(null);
  inspecting = $state(false);
  /** The operation whose plan is on show before it is started. */
  intent = $state<Operation>('up');
  draft = $state<StackConfig>(newDraft('demo'));
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);

  constructor(private readonly host: Host) {}

  /** Makes the drafted stack and opens it. */
  async create(): Promise<void> {
    await this.#attempt(async () => {
      const made = await this.host.call('create_stack', $state.snapshot(this.draft));
      this.open(made.config.name);
    });
  }

  /** Begins an operation of the open stack. */
  async start(operation: Operation): Promise<void> {
    const { stack } = this;
    if (!stack) return;
    await this.#attempt(async () => {
      try {
        await this.host.call('start', { stack, operation });
      } catch (thrown) {
        // Another window or the CLI was quicker: its run is on show already.
        if (asFailure(thrown).code !== 'busy') throw thrown;
      }
      if (operation !== 'refresh') this.inspecting = false;
    });
  }

  async cancel(): Promise<void> {
    const { stack } = this;
    if (stack) await this.#attempt(() => this.host.call('cancel', stack));
  }

  /** Opens a stack that exists. `watched` is a run already over when it was opened: it need not be shown again. */
  open(stack: string, watched: string | null = null): void {
    this.stack = stack;
    this.proving = null;
    this.checked = false;
    this.inspecting = false;
    this.intent = 'up';
    this.leftRun = watched;
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

export function newDraft(name: string): StackConfig {
  return { name, target: { kind: 'sandbox', ...DEFAULT_SANDBOX } };
}

/** A free name for a new stack: `demo`, `demo-2`, … */
export function freeName(taken: readonly string[]): string {
  if (!taken.includes('demo')) return 'demo';
  for (let n = 2; ; n += 1) if (!taken.includes(`demo-${n}`)) return `demo-${n}`;
}
