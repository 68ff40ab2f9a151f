/** Plays a plan in time: starts what is due, reports progress, ends. It only emits events; others fold them. */
import type { Event } from '../../protocol/Event';
import type { EventKind } from '../../protocol/EventKind';
import type { Failure } from '../../protocol/Failure';
import type { Operation } from '../../protocol/Operation';
import type { RunOutcome } from '../../protocol/RunOutcome';
import type { StepPlan } from '../../protocol/StepPlan';
import type { Level } from '../../protocol/Level';
import type { FakeStep } from './played';

const FRAME_MS = 60;
/** The part of its time that a step which fails comes to. */
const BREAKS_AT = 0.6;

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
    ...plan.flatMap(({ id, outcome }) => [
      event(at, { type: 'step_started', step: id }),
      event(ended, { type: 'step_finished', step: id, outcome }),
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
  /** How much of what it tells each step has told. */
  #told = new Map<string, number>();
  #cancelled = false;
  #timer: ReturnType<typeof setInterval>;
  readonly #steps: readonly FakeStep[];

  constructor(
    operation: Operation,
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
      if (began !== undefined) this.#advance(step, ((now - began) / 1000 / step.seconds) * this.speed);
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
  }

  #advance(step: FakeStep, part: number): void {
    if (this.held === step.id && !this.#cancelled) part = Math.min(part, 0.5);
    const breakage = this.breakage?.step === step.id ? this.breakage : null;
    this.#tell(step, breakage ? Math.min(part, BREAKS_AT) : part);
    if (breakage && part > BREAKS_AT) return this.#fail(step, breakage.failure);
    if (part >= 1) this.#finish(step, step.outcome);
  }

  /** Tells what the step has to tell up to this part of its time. */
  #tell({ id, told }: FakeStep, part: number): void {
    let count = this.#told.get(id) ?? 0;
    for (let next = told[count]; next && next.part <= part; next = told[(count += 1)]) {
      const { what } = next;
      if ('type' in what) this.stage.emit(what);
      else this.stage.log(id, what.level, what.text);
    }
    this.#told.set(id, count);
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
