/** The words and tones states are told in, in one place. */
import type { Tone } from '../components/Pill.svelte';
import type { ChangeAction } from '../protocol/ChangeAction';
import type { Failure } from '../protocol/Failure';
import type { Health } from '../protocol/Health';
import type { Operation } from '../protocol/Operation';
import type { RunOutcome } from '../protocol/RunOutcome';
import type { RunSummary } from '../protocol/RunSummary';
import type { StackState } from '../protocol/StackState';
import type { StepStatus } from '../protocol/StepStatus';
import type { TargetConfig } from '../protocol/TargetConfig';

export interface Word {
  title: string;
  tone: Tone;
}

export const STACK_STATE: Record<StackState, Word> = {
  new: { title: 'Not started', tone: 'none' },
  busy: { title: 'Run under way', tone: 'busy' },
  up: { title: 'Up', tone: 'ok' },
  degraded: { title: 'A service is unwell', tone: 'bad' },
  partial: { title: 'Partly there', tone: 'warn' },
};

export const HEALTH: Record<Health, Word> = {
  stopped: { title: 'Stopped', tone: 'none' },
  starting: { title: 'Starting', tone: 'busy' },
  healthy: { title: 'Healthy', tone: 'ok' },
  unhealthy: { title: 'Unwell', tone: 'bad' },
};

export const STEP_STATUS: Record<StepStatus, string> = {
  waiting: 'Waiting',
  running: 'Running',
  done: 'Done',
  already_done: 'Already done',
  skipped: 'Skipped',
  failed: 'Failed',
  cancelled: 'Stopped',
};

export const OPERATION: Record<Operation, { title: string; doing: string; done: string }> = {
  plan: { title: 'Plan', doing: 'Planning', done: 'is planned' },
  up: { title: 'Bring up', doing: 'Bringing up', done: 'is up' },
  refresh: { title: 'Refresh', doing: 'Refreshing', done: 'is refreshed' },
  down: { title: 'Take down', doing: 'Taking down', done: 'is down' },
};

interface Change {
  /** What is done to it. */
  title: string;
  /** What was done to it, or is to be: “12 to create”. */
  verb: string;
  tone: Tone;
}

export const CHANGE: Record<ChangeAction, Change> = {
  create: { title: 'Create', verb: 'create', tone: 'ok' },
  update: { title: 'Change', verb: 'change', tone: 'busy' },
  replace: { title: 'Replace', verb: 'replace', tone: 'warn' },
  delete: { title: 'Remove', verb: 'remove', tone: 'bad' },
  import: { title: 'Take over', verb: 'take over', tone: 'none' },
};

/** Who can mend a failure, as its panel says it; in AWS more than this computer can be in the way. */
export function originOf({ blame }: Failure, kind: TargetConfig['kind']): string | undefined {
  return kind === 'aws' && blame === 'environment' ? 'This computer or AWS' : undefined;
}

export function outcomeWord(outcome: RunOutcome | null): Word {
  switch (outcome?.result) {
    case undefined:
      return { title: 'Running', tone: 'busy' };
    case 'succeeded':
      return { title: 'Succeeded', tone: 'ok' };
    case 'failed':
      return { title: 'Failed', tone: 'bad' };
    case 'cancelled':
      return { title: 'Cancelled', tone: 'none' };
    case 'interrupted':
      return { title: 'Interrupted', tone: 'warn' };
  }
}

/** How a run of the history ended. */
export const runWord = ({ outcome, damage }: RunSummary): Word =>
  damage && !outcome ? { title: 'Unreadable', tone: 'warn' } : outcomeWord(outcome);

/** What a run of the history was for. */
export const runTitle = ({ operation }: RunSummary): string =>
  operation ? OPERATION[operation].title : 'A run';
