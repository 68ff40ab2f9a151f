/** Plays a plan in time: starts what is due, reports progress, ends. It only emits events; others fold them. */
import type { Event } from '../../protocol/Event';
import type { EventKind } from '../../protocol/EventKind';
import type { Failure } from '../../protocol/Failure';
import type { Operation } from '../../protocol/Operation';
import type { RunOutcome } from '../../protocol/RunOutcome';
import type { StepPlan } from '../../protocol/StepPlan';
import type { Level } from '../../protocol/Level';
import type { FakeStep } from './nature';

const FRAME_MS = 60;

export interface Stage {
  emit(kind: EventKind): void;
  log(origin: string, level: Level, line: string): void;
  ended(outcome: RunOutcome): void;
}

/** The events of an `up` that succeeded long ago. */
export function finishedRun(plan: readonly FakeStep[], run: string, at: string, ended: string): Event[] {
  let seq = 0;
  const event = (when: string, kind: EventKind): Event => ({ seq: (seq += 1), at: when, run, kind });
  return [
    event(at, { type: 'run_started', operation: 'up', steps: plan.map(asPlan) }),
    ...plan.flatMap(({ id, outputs = {} }) => [
      event(at, { type: 'step_started', step: id }),
      event(ended, { type: 'step_finished', step: id, outcome: { result: 'done', outputs } }),
    ]),
    event(ended, { type: 'run_finished', outcome: { result: 'succeeded' } }),
  ];
}

export function asPlan({ id, title, summary, needs }: FakeStep): StepPlan {
  return { id, title, summary, needs };
}

export class Player {
  #began = new Map<string, number>();
  #done = new Set<string>();
  #cancelled = false;
  #timer: ReturnType<typeof setInterval>;
  readonly #steps: readonly FakeStep[];

  constructor(
    private readonly operation: Operation,
    plan: readonly FakeStep[],
    private readonly speed: number,
    private readonly stage: Stage,
    /** The step that fails half-way, and how. */
    private readonly breakage: { step: string; failure: Failure } | null,
    /** Steps a former run has done. */
    private readonly before: ReadonlySet<string> = new Set(),
    /** The step that stays half done until the run is cancelled. */
    private readonly held: string | null = null,
  ) {
    this.#steps = plan;
    stage.emit({ type: 'run_started', operation, steps: this.#steps.map(asPlan) });
    this.#timer = setInterval(() => this.#frame(Date.now()), FRAME_MS);
  }

  get finished(): ReadonlySet<string> {
    return this.#done;
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.stage.emit({ type: 'cancel_requested' });
  }

  #frame(now: number): void {
    for (const step of this.#steps) {
      const began = this.#began.get(step.id);
      if (this.#done.has(step.id)) continue;
      if (began !== undefined) this.#advance(step, (now - began) / 1000 / (step.seconds / this.speed));
      else if (!this.#cancelled && step.needs.every((need) => this.#done.has(need))) this.#begin(step, now);
    }
    const running = [...this.#began.keys()].some((id) => !this.#done.has(id));
    if (this.#done.size === this.#steps.length) this.#end({ result: 'succeeded' });
    else if (this.#cancelled && !running) this.#end({ result: 'cancelled' });
  }

  #begin(step: FakeStep, now: number): void {
    this.#began.set(step.id, now);
    this.stage.emit({ type: 'step_started', step: step.id });
    if (this.before.has(step.id)) {
      this.#finish(step, {
        result: 'already_done',
        reason: 'A former run has done it, and it is still in place.',
      });
      return;
    }
    this.stage.log(step.id, 'info', step.summary);
  }

  #advance(step: FakeStep, part: number): void {
    const { progress } = step;
    if (this.held === step.id && !this.#cancelled) part = Math.min(part, 0.5);
    if (this.breakage?.step === step.id && part > 0.6) return this.#fail(step, this.breakage.failure);
    if (part < 1) {
      if (!progress) return;
      const done = Math.floor(progress.total * part);
      this.stage.emit({ type: 'progress', step: step.id, done, ...progress });
      this.stage.log(step.id, 'debug', `${progress.message}: ${done} of ${progress.total} ${progress.unit}`);
      return;
    }
    if (step.resource) {
      const [resource, name] = step.resource;
      const action = this.operation === 'down' ? 'removed' : 'created';
      this.stage.emit({ type: 'resource', step: step.id, action, resource, name });
    }
    this.stage.log(step.id, 'info', `OK ${step.title}`);
    this.#finish(step, { result: 'done', outputs: step.outputs ?? {} });
  }

  #finish(step: FakeStep, outcome: Extract<EventKind, { type: 'step_finished' }>['outcome']): void {
    this.#done.add(step.id);
    this.stage.emit({ type: 'step_finished', step: step.id, outcome });
  }

  #fail(step: FakeStep, failure: Failure): void {
    this.stage.log(step.id, 'error', failure.summary);
    this.stage.emit({ type: 'step_finished', step: step.id, outcome: { result: 'failed', failure } });
    this.#end({ result: 'failed', failure });
  }

  #end(outcome: RunOutcome): void {
    clearInterval(this.#timer);
    this.stage.emit({ type: 'run_finished', outcome });
    this.stage.ended(outcome);
  }
}
