/** The stages of the way from choosing a stack to watching it, and which of them a page belongs to. */
import type { Operation } from '../protocol/Operation';
import type { Kind } from '../state/draft.svelte';
import type { Page } from '../state/page';

const STAGES: Record<Kind, readonly string[]> = {
  sandbox: ['Choose', 'Check', 'Run', 'Watch'],
  aws: ['Choose', 'Sign in', 'Check', 'Configure', 'Review', 'Run', 'Watch'],
};

export const journeyOf = (kind: Kind): readonly string[] => STAGES[kind];

/** The stage on show, counted from 0; -1 if the page is none of them. */
export function stageOf(page: Page, kind: Kind, operation: Operation | null): number {
  return STAGES[kind].indexOf(titleOf(page, kind, operation));
}

function titleOf(page: Page, kind: Kind, operation: Operation | null): string {
  switch (page) {
    case 'welcome':
      return 'Choose';
    case 'credentials':
      return 'Sign in';
    case 'check':
      return 'Check';
    case 'configure':
      return 'Configure';
    case 'review':
      return 'Review';
    case 'run':
      // A plan is run for its review.
      return kind === 'aws' && (operation === 'plan' || operation === null) ? 'Review' : 'Run';
    case 'dashboard':
      return 'Watch';
    case 'opening':
    case 'proof':
      return '';
  }
}
