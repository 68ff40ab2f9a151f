/** The user's accounts and credentials, and what is checked with them. The secret half of a key is dropped on arrival. */
import type { AwsIdentity } from '../../../protocol/AwsIdentity';
import type { AwsPlace } from '../../../protocol/AwsPlace';
import type { AwsProfile } from '../../../protocol/AwsProfile';
import type { Check } from '../../../protocol/Check';
import type { Failure } from '../../../protocol/Failure';

const PROFILES: AwsProfile[] = [
  { name: 'default', region: 'eu-central-1', sso: false },
  { name: 'work', region: 'eu-west-1', sso: true },
  { name: 'data-platform-sandbox-administrator-access-eu', region: null, sso: true },
];

const DENIED = [
  'ec2:RunInstances',
  'ec2:CreateVpc',
  'ec2:CreateSubnet',
  'ec2:CreateInstanceConnectEndpoint',
  'ecs:CreateCluster',
  'ecs:RegisterTaskDefinition',
  'iam:CreateRole',
  'iam:PassRole',
  'lambda:CreateFunction',
  'scheduler:CreateSchedule',
  'secretsmanager:CreateSecret',
  'sqs:CreateQueue',
];

export class Account {
  /** Public halves of the keys that are kept. */
  #keys = new Set<string>();
  /** SSO profiles whose session has expired, until somebody looks again. */
  #expired = new Set(['work']);

  #installed = false;

  constructor(private readonly scenario: string) {}

  /** Installs what is missing on this computer. */
  install(): Check {
    this.#installed = true;
    return this.#terraform();
  }

  profiles(): AwsProfile[] {
    return this.scenario === 'aws-bare' ? [] : PROFILES;
  }

  keep(id: string): null {
    if (!/^A[A-Z0-9]{15,}$/.test(id))
      throw fail('user', `“${id}” is not an access key`, 'Its public half begins with AKIA or ASIA.');
    this.#keys.add(id);
    return null;
  }

  identity({ access }: AwsPlace): AwsIdentity {
    if (access.kind === 'profile') return this.#profile(access.name);
    if (access.kind === 'key') {
      if (!this.#keys.has(access.id))
        throw fail('user', `No secret is kept for the key ${access.id}`, 'Give the key again.');
      return identity('210987654321', 'user/etl');
    }
    if (this.scenario === 'aws-bare')
      throw {
        ...fail('user', 'No AWS credentials were found', 'Choose a profile, or give an access key.'),
        causes: ['no environment variable, no default profile and no instance role holds any'],
      };
    return identity('123456789012', 'user/jo');
  }

  #profile(name: string): AwsIdentity {
    const profile = PROFILES.find((known) => known.name === name);
    if (!profile) throw fail('user', `There is no profile “${name}”`, 'Choose one that is listed.');
    if (this.#expired.delete(name))
      throw {
        ...fail(
          'environment',
          'AWS could not be asked who you are',
          `The session has expired: run \`aws sso login --profile ${name}\`, then this command again: it resumes.`,
        ),
        causes: ['the SSO session of this profile has expired'],
      };
    return profile.sso
      ? identity(
          '555566667777',
          'assumed-role/AWSReservedSSO_AdministratorAccess_0123456789abcdef/jo@example.org',
        )
      : identity('123456789012', 'user/jo');
  }

  checks(place: AwsPlace): Check[] {
    const signedIn = this.#who(place);
    if (signedIn.status === 'failed') return [signedIn, this.#terraform(), ...here()];
    const region = passed('region', 'Region', `${place.region} is enabled`);
    return [signedIn, region, this.#rights(), ...this.#room(place), this.#terraform(), ...here()];
  }

  #who(place: AwsPlace): Check {
    const base = { id: 'identity', title: 'AWS account', fixable: false };
    try {
      const { account_id, arn } = this.identity(place);
      return { ...base, status: 'passed', detail: `${account_id} as ${arn}, in ${place.region}` };
    } catch (thrown) {
      const { summary, hint } = thrown as Failure;
      return { ...base, status: 'failed', detail: summary, ...(hint ? { hint } : {}) };
    }
  }

  #rights(): Check {
    const base = { id: 'permissions', title: 'Permissions', fixable: false };
    if (this.scenario === 'aws-unsure')
      return {
        ...base,
        status: 'warning',
        detail:
          'could not be verified: AWS did not tell what is allowed: AccessDenied: User: arn:aws:iam::123456789012:user/jo is not authorized to perform: iam:SimulatePrincipalPolicy on resource: arn:aws:iam::123456789012:user/jo because no identity-based policy allows the iam:SimulatePrincipalPolicy action',
        hint: 'Ask whoever administers the account to allow iam:SimulatePrincipalPolicy, then run the command again: it goes on where it stopped.',
      };
    if (this.scenario !== 'aws-denied')
      return { ...base, status: 'passed', detail: 'all 104 actions are allowed' };
    return {
      ...base,
      status: 'failed',
      detail: `15 of 104 actions are not allowed: ${DENIED.join(', ')} and 3 more`,
      hint: 'Ask whoever administers the account to allow these actions.',
    };
  }

  #room({ region }: AwsPlace): Check[] {
    const low = this.scenario === 'aws-denied';
    const vcpus = passed('vcpus', 'Virtual CPUs', `vCPUs: 8 needed, ${low ? '5 of 5' : '4 of 32'} in use`);
    const hint = 'Ask for a higher one under “Service Quotas” in AWS’s console, or end what is not needed.';
    return [
      passed('host-types', 'Hosts', `t3.large, t3.medium in ${region}a`),
      low ? { ...vcpus, status: 'failed', hint } : vcpus,
      passed('vpcs', 'Networks', 'VPCs: 1 needed, 1 of 5 in use'),
      passed('tunnels', 'Tunnels', 'Instance Connect endpoints: 1 needed, 0 of 5 in use'),
      passed('name', 'Stack’s name', 'not chosen yet'),
    ];
  }

  #terraform(): Check {
    const there = passed('terraform', 'Terraform', '1.15.6 (~/.local/share/retailflow/tools/terraform)');
    if (this.scenario !== 'aws-tools' || this.#installed) return there;
    const hint = 'Let RetailFlow install it into its own folder; its checksum is verified.';
    return { ...there, status: 'failed', detail: 'Terraform was not found', hint, fixable: true };
  }
}

function here(): Check[] {
  return [
    passed('uv', 'uv, the Python installer', '0.13.9 (~/.local/bin/uv)'),
    passed('data-folder', 'Data folder', '~/.local/share/retailflow can be written'),
    passed('disk', 'Disk space', '212.0 GB free at ~/.local/share/retailflow'),
    passed('sockets', 'Local sockets', '/run/user/1000/retailflow/x/.s.PGSQL.5432 (41 of 103 bytes)'),
  ];
}

function passed(id: string, title: string, detail: string): Check {
  return { id, title, status: 'passed', detail, fixable: false };
}

function identity(account_id: string, who: string): AwsIdentity {
  const service = who.startsWith('assumed-role') ? 'sts' : 'iam';
  return { account_id, arn: `arn:aws:${service}::${account_id}:${who}` };
}

function fail(blame: Failure['blame'], summary: string, hint: string): Failure {
  return { summary, causes: [], hint, blame };
}
