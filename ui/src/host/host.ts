/**
 * What the page asks of the program around it. The page holds no truth and has no other way out: `tauri.ts` answers
 * inside the app, `fake/` answers in a plain browser.
 */
import type { DeskCommands } from '../protocol/DeskCommands';
import type { Failure } from '../protocol/Failure';
import type { Update } from '../protocol/Update';

export type Command = keyof DeskCommands;
export type Argument<K extends Command> = DeskCommands[K][0];
export type Result<K extends Command> = DeskCommands[K][1];

export interface Host {
  /** Runs a command. Rejects with a {@link Failure}, and with nothing else. */
  call<K extends Command>(command: K, argument: Argument<K>): Promise<Result<K>>;
  /** Attaches to a stack: a snapshot first, then everything after it. Resolves with the way to detach. */
  watch(stack: string, onUpdate: (update: Update) => void): Promise<() => void>;
}

/** Makes a {@link Failure} of whatever was thrown, so that every error can be shown the same way. */
export function asFailure(thrown: unknown): Failure {
  if (isFailure(thrown)) return thrown;
  const cause = thrown instanceof Error ? thrown.message : typeof thrown === 'string' ? thrown : undefined;
  return {
    summary: 'Something went wrong inside RetailFlow',
    causes: cause ? [cause] : [],
    hint: 'This is a defect in RetailFlow: please report it with the log of this run.',
    blame: 'bug',
  };
}

function isFailure(thrown: unknown): thrown is Failure {
  return typeof thrown === 'object' && thrown !== null && 'summary' in thrown && 'blame' in thrown;
}
