/** Runs of the product, played: its own plans, carried out as it once carried them out. */
import type { Event } from '../../protocol/Event';
import type { EventKind } from '../../protocol/EventKind';
import type { Level } from '../../protocol/Level';
import type { Operation } from '../../protocol/Operation';
import type { StepOutcome } from '../../protocol/StepOutcome';
import type { StepPlan } from '../../protocol/StepPlan';
import plans from './recorded.json';

/** Seconds that a whole run takes at speed 1, however long it took. */
const RUN_SECONDS = 6;

/** Journals and logs as tests of the product leave them, see `crates/cli/tests/common/recording.rs`. */
const RECORDED = import.meta.glob<string>('./recorded/*/*', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** A line of a log, in the columns that the engine writes. */
const LINE = /^(\S+) (\w+) +(\S+) +(.*)$/;

/** Something a step tells on its way. */
export interface Told {
  /** The part of the step's time that had gone by, 0 to 1. */
  part: number;
  what: EventKind | { level: Level; text: string };
}

export interface FakeStep extends StepPlan {
  /** Seconds at speed 1. */
  seconds: number;
  /** What it tells, in order. */
  told: Told[];
  outcome: StepOutcome;
}

export type Target = 'sandbox' | 'aws';

/** The journal that was recorded of an operation. */
export function journal(target: Target, operation: Operation, say = unchanged): Event[] {
  return lines(recorded(target, operation, 'jsonl', say)).map((line) => JSON.parse(line) as Event);
}

/** The steps of an operation. `say` puts words of the stack in question for those of the recorded one. */
export function played(target: Target, operation: Operation, say = unchanged): FakeStep[] {
  const events = journal(target, operation, say);
  const log = lines(recorded(target, operation, 'log', say)).map((line) => {
    const [, at = '', level = '', origin = '', text = line] = LINE.exec(line) ?? [];
    return { at, origin, what: { level: level.toLowerCase() as Level, text } };
  });
  const [first, last] = [events[0], events[events.length - 1]];
  const pace = first && last ? RUN_SECONDS / Math.max(1, span(first.at, last.at)) : 0;
  const planned = (plans[target].plans as Partial<Record<Operation, StepPlan[]>>)[operation] ?? [];
  return planned.map((step) => {
    const own = events.filter(({ kind }) => 'step' in kind && kind.step === step.id);
    const said = log.filter(({ origin }) => origin === step.id);
    return { ...step, summary: say(step.summary), ...carriedOut(step.id, own, said, pace) };
  });
}

type Line = { at: string; what: { level: Level; text: string } };

/** How a step went: the events and lines of it, and seconds here for a millisecond there. */
function carriedOut(id: string, events: Event[], log: Line[], pace: number): Omit<FakeStep, keyof StepPlan> {
  const began = events.find(({ kind }) => kind.type === 'step_started');
  const ended = events.find(({ kind }) => kind.type === 'step_finished');
  if (!began || ended?.kind.type !== 'step_finished') throw new Error(`How “${id}” went is not recorded.`);
  const took = Math.max(1, span(began.at, ended.at));
  const between = events.filter((event) => event !== began && event !== ended);
  const told = [...between.map(({ at, kind }) => ({ at, what: kind })), ...log]
    .map(({ at, what }) => ({ part: Math.min(1, Math.max(0, span(began.at, at) / took)), what }))
    .sort((a, b) => a.part - b.part);
  return { seconds: took * pace, told, outcome: ended.kind.outcome };
}

function recorded(target: Target, operation: Operation, kind: 'jsonl' | 'log', say: typeof unchanged) {
  return say(RECORDED[`./recorded/${target}/${operation}.${kind}`] ?? '');
}

function unchanged(text: string): string {
  return text;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** Milliseconds. */
function span(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from);
}
