/** The plans of the fake sandbox. */
import type { Operation } from '../../../protocol/Operation';
import { played, type FakeStep } from '../played';

export function planOf(operation: Operation): FakeStep[] {
  return operation === 'plan' ? [] : played('sandbox', operation);
}
