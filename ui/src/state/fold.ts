/**
 * A run's state as a pure fold of its events: the same fold as `crates/protocol/src/fold.rs`, checked against the same
 * journals. States are never changed in place; what did not change keeps its identity, so the page redraws only what did.
 */
import type { Event } from '../protocol/Event';
import type { RunOutcome } from '../protocol/RunOutcome';
import type { RunState } from '../protocol/RunState';
import type { StepOutcome } from '../protocol/StepOutcome';
import type { StepState } from '../protocol/StepState';
import type { StepStatus } from '../protocol/StepStatus';

/** Folds a journal; `null` if it holds no `run_started`. */
export function replay(events: Iterable<Event>): RunState | null {
  let state: RunState | null = null;
  for (const event of events) state = state ? apply(state, event) : begin(event);
  return state;
}

/** The state after a `run_started`; `null` for any other event. */
export function begin(event: Event): RunState | null {
  if (event.kind.type !== 'run_started' || event.run === undefined) return null;
  return {
    run: event.run,
    operation: event.kind.operation,
    steps: event.kind.steps.map((plan) => ({
      plan,
      status: 'waiting',
      started_at: null,
      finished_at: null,
      progress: null,
      outcome: null,
    })),
    cancel_requested: false,
    resources: [],
    diagnostics: [],
    started_at: event.at,
    finished_at: null,
    outcome: null,
  };
}

/** Takes one more event into account. Events of other runs and unknown kinds change nothing. */
export function apply(state: RunState, event: Event): RunState {
  if (event.run !== state.run) return state;
  const { kind, at } = event;
  switch (kind.type) {
    case 'step_started':
      return withStep(state, kind.step, (step) => ({ ...step, status: 'running', started_at: at }));
    case 'step_finished':
      return withStep(state, kind.step, (step) => finishStep(step, kind.outcome, at));
    case 'progress': {
      const { done, total = null, unit, message } = kind;
      return withStep(state, kind.step, (step) =>
        step.status === 'running' ? { ...step, progress: { done, total, unit, message } } : step,
      );
    }
    case 'resource': {
      const { step, action, resource, name } = kind;
      return { ...state, resources: [...state.resources, { step, action, resource, name }] };
    }
    case 'diagnostic': {
      const { step = null, severity, failure } = kind;
      return { ...state, diagnostics: [...state.diagnostics, { step, severity, failure }] };
    }
    case 'cancel_requested':
      return { ...state, cancel_requested: true };
    case 'run_finished':
      return finishRun(state, kind.outcome, at);
    default:
      return state;
  }
}

function withStep(state: RunState, id: string, change: (step: StepState) => StepState): RunState {
  const index = state.steps.findIndex((step) => step.plan.id === id);
  const step = state.steps[index];
  if (!step) return state;
  return { ...state, steps: state.steps.with(index, change(step)) };
}

function finishStep(step: StepState, outcome: StepOutcome, at: string): StepState {
  const status: StepStatus = outcome.result;
  return { ...step, status, finished_at: at, progress: null, outcome };
}

function finishRun(state: RunState, outcome: RunOutcome, at: string): RunState {
  // A step still running when its run ended was cut off with it.
  const steps = state.steps.map((step): StepState =>
    step.status === 'running' ? { ...step, status: 'cancelled', finished_at: at, progress: null } : step,
  );
  return { ...state, steps, outcome, finished_at: at };
}
