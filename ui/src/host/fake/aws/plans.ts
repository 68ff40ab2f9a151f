/** The plans of a stack in AWS: registry and images beside the foundation, the services after both. */
import type { AwsConfig } from '../../../protocol/AwsConfig';
import type { Operation } from '../../../protocol/Operation';
import type { FakeStep } from '../nature';

const ROOTS = [
  {
    name: 'registry',
    title: 'Image registry',
    makes: 'repositories for the stack’s images',
    doing: 'Creating the repository of Metabase',
    seconds: 0.7,
  },
  {
    name: 'foundation',
    title: 'Network and hosts',
    makes: 'the network, the hosts, the ECS cluster, secrets and log groups; nothing is open to the internet',
    doing: 'Creating the host of Airbyte',
    seconds: 3.2,
  },
  {
    name: 'services',
    title: 'Services',
    makes: 'PostgreSQL, Dagster and Metabase on their hosts, the shop’s function and its schedule, alarms',
    doing: 'Creating the service of Dagster',
    seconds: 1.8,
  },
];

const IMAGES: [name: string, title: string, megabytes: number][] = [
  ['postgres', 'Image of PostgreSQL', 118],
  ['metabase', 'Image of Metabase', 412],
  ['dagster', 'Image of Dagster and dbt', 655],
];

export function planOf(operation: Operation, config: AwsConfig): FakeStep[] {
  switch (operation) {
    case 'plan':
      return [...groundwork(config), ...planning()];
    case 'up':
      return [...groundwork(config), ...makings()];
    case 'down':
      return teardown(config);
    case 'refresh':
      return [];
  }
}

function groundwork({ account_id, region }: AwsConfig): FakeStep[] {
  return [
    {
      id: 'account',
      title: 'AWS account',
      summary: `Make sure that the credentials are of account ${account_id}, in ${region}.`,
      needs: [],
      seconds: 0.3,
    },
    {
      id: 'function',
      title: 'Shop’s function',
      summary: 'Pack the shop for AWS Lambda; the same program always gives the same package.',
      needs: [],
      seconds: 0.6,
    },
  ];
}

function planning(): FakeStep[] {
  const readiness: FakeStep = {
    id: 'readiness',
    title: 'Account’s readiness',
    summary:
      'Look at the region, permissions, quotas, host types, and whether the stack’s name is free. Nothing is touched.',
    needs: ['account'],
    seconds: 0.3,
  };
  const plans = ROOTS.map(({ name, title, seconds }) => ({
    id: `plan-${name}`,
    title,
    summary: 'Let Terraform find out what it would make, change or remove. Nothing is touched.',
    needs: ['readiness', 'function'],
    seconds: seconds / 2,
    progress: { total: 12, unit: 'resources', message: 'Reading what there is' },
  }));
  const summary = 'Put the plans together and work out the cost, to be confirmed by you.';
  return [
    readiness,
    ...plans,
    { id: 'review', title: 'Review', summary, needs: plans.map(({ id }) => id), seconds: 0.2 },
  ];
}

function images(): FakeStep[] {
  return IMAGES.map(([name, title, total]) => ({
    id: `image-${name}`,
    title,
    summary:
      name === 'dagster'
        ? 'Build the image of the data projects, without Docker, and push what the registry does not have.'
        : 'Copy the image into the stack’s own registry, as far as it is not there.',
    needs: ['registry'],
    seconds: 0.4 + total / 500,
    progress: { total, unit: 'MB', message: 'Pushing layer 4 of 6' },
    resource: ['image', `demo/${name}`],
  }));
}

function makings(): FakeStep[] {
  const needs: Record<string, string[]> = {
    registry: ['account'],
    foundation: ['account'],
    services: ['function', ...IMAGES.map(([name]) => `image-${name}`), 'foundation'],
  };
  const root = ({ name, title, makes, doing, seconds }: (typeof ROOTS)[number]): FakeStep => ({
    id: name,
    title,
    summary: `With Terraform make ${makes}.`,
    needs: needs[name] ?? [],
    seconds,
    progress: { total: 57, unit: 'resources', message: doing },
    resource: ['Terraform root', name],
  });
  // Before the images come their registry and what stands beside it; the services come after all.
  return ROOTS.flatMap((known) => (known.name === 'services' ? [...images(), root(known)] : [root(known)]));
}

function teardown({ account_id, region }: AwsConfig): FakeStep[] {
  const removal = (name: string, needs: string[], seconds: number): FakeStep => {
    const root = ROOTS.find((known) => known.name === name);
    return {
      id: name,
      title: root?.title ?? name,
      summary: `With Terraform remove ${root?.makes ?? name}.`,
      needs,
      seconds,
      progress: { total: 30, unit: 'resources', message: 'Waiting for AWS to let go of the network' },
      resource: ['Terraform root', name],
    };
  };
  const forgotten = IMAGES.map(([name, title]) => ({
    id: `image-${name}`,
    title,
    summary: 'Forget the image; it goes with its repository.',
    needs: ['services'],
    seconds: 0.1,
  }));
  const images = forgotten.map(({ id }) => id);
  return [
    removal('services', [], 1),
    removal('foundation', ['services'], 1.6),
    ...forgotten,
    removal('registry', images, 0.5),
    {
      id: 'function',
      title: 'Shop’s function',
      summary: 'Delete the package.',
      needs: ['services'],
      seconds: 0.1,
    },
    {
      id: 'account',
      title: 'AWS account',
      summary: `Sweep account ${account_id}, ${region}, for anything that still carries the stack’s tag or name, and remove it.`,
      needs: ['foundation', 'registry'],
      seconds: 0.6,
    },
  ];
}
