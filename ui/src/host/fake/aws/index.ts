/** A stack in AWS, as the fake host plays it. */
import type { AwsConfig } from '../../../protocol/AwsConfig';
import type { Failure } from '../../../protocol/Failure';
import type { Health } from '../../../protocol/Health';
import type { Operation } from '../../../protocol/Operation';
import type { Proof } from '../../../protocol/Proof';
import type { Review } from '../../../protocol/Review';
import type { ServiceStatus } from '../../../protocol/ServiceStatus';
import type { Nature } from '../nature';
import type { FakeStep } from '../played';
import { planOf } from './plans';
import { price } from './price';
import { everything, MEDDLED, MENDED } from './resources';
import { swept } from './swept';

/** A host that AWS has no room for: the first `up` of the scenario `aws-failure` fails so. */
export const NO_CAPACITY: Failure = {
  summary: 'AWS has no t3.large to spare in eu-central-1a at the moment',
  causes: [
    'module.airbyte_host.aws_instance.this could not be created',
    'InsufficientInstanceCapacity: We currently do not have sufficient t3.large capacity in the Availability Zone you requested.',
  ],
  hint: 'Resume in some minutes: what is made stays. If it lasts, take the stack down and choose another size or region.',
  blame: 'environment',
};

const SERVICES: [name: string, title: string, detail: string][] = [
  ['postgres', 'PostgreSQL', 'runs and is healthy'],
  ['dagster', 'Dagster', 'runs and is healthy'],
  ['metabase', 'Metabase', 'runs and is healthy'],
  ['airbyte', 'Airbyte', 'installed, and its host runs'],
  ['generator', 'Shop', 'rate(3 minutes); 256 MB; 20 calls and 0 errors in the last hour'],
];

const HOSTS: Record<string, string> = {
  postgres: 'PostgreSQL',
  airbyte: 'Airbyte',
  dagster: 'Dagster',
  metabase: 'Metabase',
};

export class AwsNature implements Nature {
  readonly chartDays = null;
  readonly logged = SERVICES.map(([name]) => name);
  readonly tick: { told: number; waited: number };

  constructor(
    private readonly stack: string,
    private readonly config: AwsConfig,
    private readonly scenario: string,
  ) {
    this.tick = { told: config.tick_minutes * 60, waited: 1 };
  }

  plan(operation: Operation): FakeStep[] {
    return planOf(operation, this.config);
  }

  links() {
    const at = (port: number) => `http://127.0.0.1:${port}`;
    return [
      { id: 'airbyte', title: 'Airbyte', url: at(41_001) },
      { id: 'dagster', title: 'Dagster', url: at(41_002) },
      { id: 'metabase', title: 'Metabase', url: at(41_003) },
    ];
  }

  services(): ServiceStatus[] {
    const status = (name: string, title: string, detail: string, health: Health = 'healthy') => ({
      name,
      title,
      health,
      detail,
      pid: null,
      restarts: 0,
    });
    const hosts = Object.entries(this.config.hosts).map(([role, size], index) =>
      status(
        `host-${role}`,
        `Host of ${HOSTS[role] ?? role}`,
        `i-0a1b2c3d4e5f6071${index}, ${size}: runs, both checks pass`,
      ),
    );
    return [
      ...SERVICES.map(([name, title, detail]) => status(name, title, detail)),
      ...hosts,
      status('alarm-generator-errors', 'Alarm: generator errors', 'quiet'),
      status('alarm-missed-ticks', 'Alarm: missed ticks', 'quiet'),
    ];
  }

  review(ups: number): Review {
    const meddled = ups > 0 && this.scenario === 'aws-drift';
    const changes = meddled ? MENDED : ups > 0 ? [] : everything(this.config);
    return {
      id: `review-${ups}-${changes.length}`,
      made_at: new Date().toISOString(),
      changes,
      drift: meddled ? MEDDLED : [],
      forecast: ups > 0 ? [] : ['services'],
      plans: {},
      cost: price(this.config),
    };
  }

  proof(): Proof {
    const { stack } = this;
    return { stack, items: swept(stack, this.config.region, this.scenario === 'aws-left') };
  }
}
