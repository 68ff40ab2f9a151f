/** The draft of a new stack: what was chosen so far, for either target, and what is wrong with it. */
import type { AwsConfig } from '../protocol/AwsConfig';
import type { SandboxConfig } from '../protocol/SandboxConfig';
import type { ShopConfig } from '../protocol/ShopConfig';
import type { StackConfig } from '../protocol/StackConfig';
import type { TargetConfig } from '../protocol/TargetConfig';

export type Kind = TargetConfig['kind'];
export type Problems = Record<string, string>;

export const DEFAULT_SHOP: ShopConfig = { seed: 42, backfill_days: 30, orders_per_minute: 20 };

export const DEFAULT_SANDBOX: SandboxConfig = { refresh_minutes: 5 };

export const DEFAULT_AWS: AwsConfig = {
  account_id: '',
  region: 'eu-central-1',
  access: { kind: 'default' },
  tick_minutes: 3,
  lifetime_hours: 8,
  hosts: { postgres: 't3.medium', airbyte: 't3.large', dagster: 't3.medium', metabase: 't3.medium' },
};

/** The longest name of a stack: AWS makes longer names of it, and allows fewer characters for them. */
export const LONGEST: Record<Kind, number> = { sandbox: 32, aws: 20 };

export class Draft {
  name = $state('');
  kind = $state<Kind>('sandbox');
  shop = $state<ShopConfig>({ ...DEFAULT_SHOP });
  sandbox = $state<SandboxConfig>({ ...DEFAULT_SANDBOX });
  aws = $state<AwsConfig>(structuredClone(DEFAULT_AWS));

  constructor(name: string) {
    this.name = name;
  }

  /** The settings as they would be made. */
  get config(): StackConfig {
    const target: TargetConfig =
      this.kind === 'sandbox'
        ? { kind: 'sandbox', ...$state.snapshot(this.sandbox) }
        : { kind: 'aws', ...$state.snapshot(this.aws) };
    return { name: this.name, shop: $state.snapshot(this.shop), target };
  }
}

/** What is wrong with a draft, in words, by field; empty if nothing is. The engine checks again. */
export function problemsOf({ name, shop, target }: StackConfig, taken: readonly string[]): Problems {
  const wrongName = nameProblem(name, target.kind, taken);
  const problems = target.kind === 'sandbox' ? sandboxProblems(target) : awsProblems(target);
  return { ...(wrongName ? { name: wrongName } : {}), ...shopProblems(shop), ...problems };
}

export function nameProblem(name: string, kind: Kind, taken: readonly string[]): string | null {
  const least = kind === 'aws' ? 2 : 1;
  if (name === '') return 'Give it a name.';
  if (!/^[a-z][a-z0-9-]*$/.test(name) || name.length < least || name.length > LONGEST[kind])
    return `Use ${least} to ${LONGEST[kind]} lower-case letters, digits and hyphens, starting with a letter.`;
  return taken.includes(name) ? `There is already a stack called “${name}”.` : null;
}

function shopProblems(shop: ShopConfig): Problems {
  return collect([
    ['backfill_days', within(shop.backfill_days, 0, 3650), 'Choose 0 to 3650 days.'],
    [
      'orders_per_minute',
      within(shop.orders_per_minute, 0, 60_000, false),
      'Choose 0 to 60 000 orders a minute.',
    ],
    ['seed', within(shop.seed, 0, 4_294_967_295), 'Choose a whole number from 0 to 4 294 967 295.'],
  ]);
}

function sandboxProblems(target: SandboxConfig): Problems {
  return collect([
    ['refresh_minutes', within(target.refresh_minutes, 0, 1440), 'Choose 0 (never) to 1440 minutes.'],
  ]);
}

function awsProblems(target: AwsConfig): Problems {
  return collect([
    ['account_id', /^\d{12}$/.test(target.account_id), 'Sign in first: an account has 12 digits.'],
    ['tick_minutes', within(target.tick_minutes, 1, 60), 'Choose 1 to 60 minutes.'],
    ['lifetime_hours', within(target.lifetime_hours, 0, 8760), 'Choose 0 (never) to 8760 hours.'],
  ]);
}

function within(value: number, least: number, most: number, whole = true): boolean {
  return Number.isFinite(value) && value >= least && value <= most && (!whole || Number.isInteger(value));
}

function collect(rules: [field: string, fits: boolean, words: string][]): Problems {
  return Object.fromEntries(rules.filter(([, fits]) => !fits).map(([field, , words]) => [field, words]));
}

/** A free name for a new stack: `demo`, `demo-2`, … */
export function freeName(taken: readonly string[]): string {
  if (!taken.includes('demo')) return 'demo';
  for (let n = 2; ; n += 1) if (!taken.includes(`demo-${n}`)) return `demo-${n}`;
}
