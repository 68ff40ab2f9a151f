/** The plans of a stack in AWS: the product's own, each step with how it is played. */
import type { AwsConfig } from '../../../protocol/AwsConfig';
import type { Operation } from '../../../protocol/Operation';
import type { StepPlan } from '../../../protocol/StepPlan';
import type { FakeStep } from '../nature';
import { played, type Played } from '../played';
import recorded from '../recorded.json';

const MEGABYTES = { postgres: 118, metabase: 412, dagster: 655 };

const ROOTS = {
  registry: { seconds: 0.7, doing: 'Creating the repository of Metabase', undone: 0.5 },
  foundation: { seconds: 3.2, doing: 'Creating the host of Airbyte', undone: 1.6 },
  services: { seconds: 1.8, doing: 'Creating the service of Dagster', undone: 1 },
};

const GROUNDWORK: Record<string, Played> = { account: { seconds: 0.3 }, function: { seconds: 0.6 } };

const PLAN: Record<string, Played> = {
  ...GROUNDWORK,
  readiness: { seconds: 0.3 },
  ...byRoot((name, { seconds }) => [
    `plan-${name}`,
    {
      seconds: seconds / 2,
      progress: { total: 12, unit: 'resources', message: 'Reading what there is' },
    },
  ]),
  review: { seconds: 0.2 },
};

const UP: Record<string, Played> = {
  ...GROUNDWORK,
  ...byImage((name, total) => ({
    seconds: 0.4 + total / 500,
    progress: { total, unit: 'MB', message: 'Pushing layer 4 of 6' },
    resource: ['image', `demo/${name}`],
  })),
  ...byRoot((name, { seconds, doing }) => [
    name,
    {
      seconds,
      progress: { total: 57, unit: 'resources', message: doing },
      resource: ['Terraform root', name],
    },
  ]),
};

const DOWN: Record<string, Played> = {
  account: { seconds: 0.6 },
  function: { seconds: 0.1 },
  ...byImage(() => ({ seconds: 0.1 })),
  ...byRoot((name, { undone }) => [
    name,
    {
      seconds: undone,
      progress: { total: 30, unit: 'resources', message: 'Waiting for AWS to let go of the network' },
      resource: ['Terraform root', name],
    },
  ]),
};

type Root = (typeof ROOTS)[keyof typeof ROOTS];

function byRoot(play: (name: string, root: Root) => [step: string, Played]): Record<string, Played> {
  return Object.fromEntries(Object.entries(ROOTS).map(([name, root]) => play(name, root)));
}

function byImage(play: (name: string, megabytes: number) => Played): Record<string, Played> {
  const images = Object.entries(MEGABYTES);
  return Object.fromEntries(images.map(([name, megabytes]) => [`image-${name}`, play(name, megabytes)]));
}

const { plans } = recorded.aws;

export function planOf(operation: Operation, config: AwsConfig): FakeStep[] {
  switch (operation) {
    case 'plan':
      return played(of(plans.plan, config), PLAN);
    case 'up':
      return played(of(plans.up, config), UP);
    case 'down':
      return played(of(plans.down, config), DOWN);
    case 'refresh':
      return [];
  }
}

/** The plan was recorded for one account and region; the words name those of the stack. */
function of(plan: readonly StepPlan[], { account_id, region }: AwsConfig): StepPlan[] {
  const words = (text: string) => text.replace('123456789012', account_id).replace('eu-central-1', region);
  return plan.map((step) => ({ ...step, summary: words(step.summary) }));
}
