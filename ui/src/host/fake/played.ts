/** Steps as the product plans them, and how the fake host plays each. */
import type { StepPlan } from '../../protocol/StepPlan';
import type { FakeStep } from './nature';

/** What a plan does not say: how long a step takes, and what it reports meanwhile. */
export type Played = Omit<FakeStep, keyof StepPlan>;

/** The steps of a plan, played so. A step that nobody says how to play is a plan that changed: then so must this. */
export function played(plan: readonly StepPlan[], by: Readonly<Record<string, Played>>): FakeStep[] {
  return plan.map((step) => {
    const how = by[step.id];
    if (!how) throw new Error(`The fake host does not know how to play the step “${step.id}”.`);
    return { ...step, ...how };
  });
}
