/** Signing in to AWS: which profiles there are, and whose the chosen credentials are. Holds no secret. */
import { asFailure, type Host } from '../host/host';
import type { AwsAccess } from '../protocol/AwsAccess';
import type { AwsIdentity } from '../protocol/AwsIdentity';
import type { AwsKey } from '../protocol/AwsKey';
import type { AwsPlace } from '../protocol/AwsPlace';
import type { AwsProfile } from '../protocol/AwsProfile';
import type { Failure } from '../protocol/Failure';

export class SignIn {
  /** `null` until they are read. */
  profiles = $state.raw<AwsProfile[] | null>(null);
  /** Why they could not be read; other ways to sign in remain. */
  unread = $state.raw<Failure | null>(null);
  identity = $state.raw<AwsIdentity | null>(null);
  failure = $state.raw<Failure | null>(null);
  asking = $state(false);
  /** Counts questions: the answer to a former one is dropped. */
  #generation = 0;

  constructor(private readonly host: Host) {}

  async loadProfiles(): Promise<AwsProfile[]> {
    try {
      this.profiles = await this.host.call('aws_profiles', null);
    } catch (thrown) {
      this.profiles = [];
      this.unread = asFailure(thrown);
    }
    return this.profiles;
  }

  /** Asks AWS whose the credentials are. */
  async ask(place: AwsPlace): Promise<void> {
    const generation = this.forget();
    this.asking = true;
    try {
      const identity = await this.host.call('aws_identity', place);
      if (generation === this.#generation) this.identity = identity;
    } catch (thrown) {
      if (generation === this.#generation) this.failure = asFailure(thrown);
    }
    if (generation === this.#generation) this.asking = false;
  }

  /** Gives a key to the OS keyring; says whether it is kept. The secret passes through and is held nowhere. */
  async keep(key: AwsKey): Promise<boolean> {
    const generation = this.forget();
    this.asking = true;
    try {
      await this.host.call('keep_key', key);
      return generation === this.#generation;
    } catch (thrown) {
      if (generation === this.#generation) this.failure = asFailure(thrown);
      return false;
    } finally {
      if (generation === this.#generation) this.asking = false;
    }
  }

  /** Knows nobody any more: other credentials were chosen. */
  forget(): number {
    this.identity = null;
    this.failure = null;
    this.asking = false;
    this.#generation += 1;
    return this.#generation;
  }
}

/** What renews the session of a profile that signs in with SSO. */
export function loginCommand(access: AwsAccess, profiles: readonly AwsProfile[]): string | null {
  if (access.kind !== 'profile') return null;
  const sso = profiles.some(({ name, sso }) => sso && name === access.name);
  return sso ? `aws sso login --profile ${quoted(access.name)}` : null;
}

/** A word that any shell takes as it is, or one in quotes. */
const quoted = (word: string): string => (/^[\w.@/+-]+$/.test(word) ? word : `"${word.replaceAll('"', '')}"`);
