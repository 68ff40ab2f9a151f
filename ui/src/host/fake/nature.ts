/** What is particular to a target: its plans, its services, and how often its shop writes. */
import type { Link } from '../../protocol/Link';
import type { Operation } from '../../protocol/Operation';
import type { Proof } from '../../protocol/Proof';
import type { Review } from '../../protocol/Review';
import type { ServiceStatus } from '../../protocol/ServiceStatus';
import type { StackConfig } from '../../protocol/StackConfig';
import { AwsNature } from './aws';
import type { FakeStep } from './played';
import { SandboxNature } from './sandbox';

export interface Nature {
  plan(operation: Operation): FakeStep[];
  services(): ServiceStatus[];
  links(): Link[];
  proof(): Proof;
  /** Days of history its charts cover; `null` if it has none. */
  readonly chartDays: number | null;
  /** Between two ticks of its shop, in seconds: those that are told, and those that are waited here. */
  readonly tick: { told: number; waited: number };
  /** Services whose log can be read. */
  readonly logged: readonly string[];
  /** What a plan would find, after so many successful `up`s; `null` if nothing has to be confirmed. */
  review(ups: number): Review | null;
}

export function natureOf(config: StackConfig, scenario: string): Nature {
  return config.target.kind === 'aws'
    ? new AwsNature(config.name, config.target, scenario)
    : new SandboxNature(config.name, config.shop);
}
