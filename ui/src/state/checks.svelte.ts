/** What a target needs, looked at and mended. */
import { asFailure, type Host } from '../host/host';
import { accessWords, accountDigits } from '../lib/aws';
import type { AwsConfig } from '../protocol/AwsConfig';
import type { Check } from '../protocol/Check';
import type { Failure } from '../protocol/Failure';
import type { TargetConfig } from '../protocol/TargetConfig';

export class Checks {
  /** `null` until the first answer. */
  found = $state.raw<Check[] | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** The check that is being mended. */
  fixing = $state<string | null>(null);
  looking = $state(false);

  constructor(
    private readonly host: Host,
    private readonly target: TargetConfig,
  ) {}

  get failed(): number {
    return this.found?.filter((check) => check.status === 'failed').length ?? 0;
  }

  get warned(): number {
    return this.found?.filter((check) => check.status === 'warning').length ?? 0;
  }

  get ready(): boolean {
    return this.found !== null && this.failed === 0 && !this.looking;
  }

  async look(): Promise<void> {
    this.looking = true;
    this.failure = null;
    try {
      this.found = worstFirst(await this.#ask());
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
    this.looking = false;
  }

  async fix(id: string): Promise<void> {
    this.fixing = id;
    this.failure = null;
    try {
      const mended = await this.host.call('fix_check', id);
      this.found = this.found?.map((check) => (check.id === id ? mended : check)) ?? null;
    } catch (thrown) {
      this.failure = asFailure(thrown);
    }
    this.fixing = null;
  }

  async #ask(): Promise<Check[]> {
    const { host, target } = this;
    if (target.kind === 'sandbox') return host.call('check', { kind: 'sandbox' });
    const { access, region } = target;
    const [checks, wrong] = await Promise.all([
      host.call('check', { kind: 'aws', access, region }),
      this.#otherAccount(target),
    ]);
    return wrong ? [wrong, ...checks] : checks;
  }

  /** Credentials can come to belong to somebody else after the stack was put together: a profile is edited. */
  async #otherAccount({ access, region, account_id }: AwsConfig): Promise<Check | null> {
    try {
      const identity = await this.host.call('aws_identity', { access, region });
      return identity.account_id === account_id
        ? null
        : otherAccount(account_id, identity.account_id, access);
    } catch {
      // Whoever cannot be asked fails a check of its own, which says why.
      return null;
    }
  }
}

/** What has to be mended comes into sight at once. What was mended meanwhile stays where it is. */
function worstFirst(checks: readonly Check[]): Check[] {
  const rank = { failed: 0, warning: 1, passed: 2 };
  return [...checks].sort((one, other) => rank[one.status] - rank[other.status]);
}

function otherAccount(wanted: string, found: string, access: AwsConfig['access']): Check {
  return {
    id: 'other-account',
    title: 'The credentials are of another account',
    status: 'failed',
    detail: `The stack belongs in ${accountDigits(wanted)}; ${accessWords(access)} opens ${accountDigits(found)}. Nothing is touched there.`,
    hint: `Let ${accessWords(access)} sign in to ${accountDigits(wanted)} again, then check again.`,
    fixable: false,
  };
}
