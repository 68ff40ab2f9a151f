/** The current page, as what is known leads to it: it is derived, never stored. */
import type { RunState } from '../protocol/RunState';
import type { StackState } from '../protocol/StackState';

/** The pages on which a stack in AWS is put together before it is made. */
export type Making = 'credentials' | 'check' | 'configure';
export type Page = 'welcome' | Making | 'opening' | 'run' | 'review' | 'dashboard' | 'proof';

/** What the current page follows from. */
export interface Facts {
  stack: string | null;
  /** How far the stack that is being put together has come, if one is. */
  making: Making | null;
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

export function pageOf(facts: Facts): Page {
  const { stack, state, run } = facts;
  if (facts.proving) return 'proof';
  if (!stack) return facts.making ?? 'welcome';
  if (!state) return 'opening';
  // A stack that was planned was checked before.
  if (state === 'new' && !facts.checked && !run) return 'check';
  if (run && !run.outcome) return run.operation === 'refresh' && !facts.inspecting ? 'dashboard' : 'run';
  if (run && facts.inspecting) return 'run';
  return afterRun(facts, state);
}

/** Between runs: what the latest one led to, until the user has left it. */
function afterRun({ run, leftRun }: Facts, state: StackState): Page {
  const stands = state === 'up' || state === 'degraded';
  const left = run?.run === leftRun;
  // What was found out waits for its confirmation; only a stack that stands may go on without.
  if (run?.operation === 'plan' && run.outcome?.result === 'succeeded' && !(stands && left)) return 'review';
  if (!stands) return 'run';
  return (run?.operation === 'up' || run?.operation === 'plan') && !left ? 'run' : 'dashboard';
}
