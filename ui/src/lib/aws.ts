/** What the wizard offers of AWS: regions by name, host sizes, and how an account is written. */
import type { AwsAccess } from '../protocol/AwsAccess';
import type { HostSizes } from '../protocol/HostSizes';
import type { ServiceStatus } from '../protocol/ServiceStatus';
import { sentence } from './format';

/** The regions that every account may use, with where they are. A profile may bring another. */
export const REGIONS: readonly { id: string; name: string; area: string }[] = [
  { id: 'eu-central-1', name: 'Frankfurt', area: 'Europe' },
  { id: 'eu-west-1', name: 'Ireland', area: 'Europe' },
  { id: 'eu-west-2', name: 'London', area: 'Europe' },
  { id: 'eu-west-3', name: 'Paris', area: 'Europe' },
  { id: 'eu-north-1', name: 'Stockholm', area: 'Europe' },
  { id: 'us-east-1', name: 'N. Virginia', area: 'America' },
  { id: 'us-east-2', name: 'Ohio', area: 'America' },
  { id: 'us-west-1', name: 'N. California', area: 'America' },
  { id: 'us-west-2', name: 'Oregon', area: 'America' },
  { id: 'ca-central-1', name: 'Canada', area: 'America' },
  { id: 'sa-east-1', name: 'São Paulo', area: 'America' },
  { id: 'ap-south-1', name: 'Mumbai', area: 'Asia and Pacific' },
  { id: 'ap-northeast-1', name: 'Tokyo', area: 'Asia and Pacific' },
  { id: 'ap-northeast-2', name: 'Seoul', area: 'Asia and Pacific' },
  { id: 'ap-northeast-3', name: 'Osaka', area: 'Asia and Pacific' },
  { id: 'ap-southeast-1', name: 'Singapore', area: 'Asia and Pacific' },
  { id: 'ap-southeast-2', name: 'Sydney', area: 'Asia and Pacific' },
];

/** `Frankfurt, eu-central-1`; the identifier alone where no name is known. */
export function regionTitle(id: string): string {
  const known = REGIONS.find((region) => region.id === id);
  return known ? `${known.name}, ${id}` : id;
}

interface Size {
  id: string;
  cpus: number;
  gigabytes: number;
}

/** x86-64 instance types that make sense here, smallest first. */
export const SIZES: readonly Size[] = [
  { id: 't3.small', cpus: 2, gigabytes: 2 },
  { id: 't3.medium', cpus: 2, gigabytes: 4 },
  { id: 't3.large', cpus: 2, gigabytes: 8 },
  { id: 'm6i.large', cpus: 2, gigabytes: 8 },
  { id: 't3.xlarge', cpus: 4, gigabytes: 16 },
  { id: 'm6i.xlarge', cpus: 4, gigabytes: 16 },
  { id: 't3.2xlarge', cpus: 8, gigabytes: 32 },
  { id: 'm6i.2xlarge', cpus: 8, gigabytes: 32 },
];

export type Role = keyof HostSizes;

/** The hosts: what runs there, and the least memory that leaves room for it. */
export const HOSTS: readonly { role: Role; title: string; what: string; least: number }[] = [
  { role: 'postgres', title: 'PostgreSQL', what: 'the shop’s database', least: 2 },
  { role: 'airbyte', title: 'Airbyte', what: 'extract and load', least: 8 },
  { role: 'dagster', title: 'Dagster and dbt', what: 'the pipeline', least: 4 },
  { role: 'metabase', title: 'Metabase', what: 'dashboards', least: 4 },
];

/** The sizes a host can have; its own is among them even if it was chosen elsewhere. */
export function sizesOf(least: number, own: string): { id: string; title: string }[] {
  const fit = SIZES.filter((size) => size.gigabytes >= least);
  const offered = fit.map(({ id, cpus, gigabytes }) => ({
    id,
    title: `${id} · ${cpus} vCPU, ${gigabytes} GB`,
  }));
  return offered.some(({ id }) => id === own) ? offered : [{ id: own, title: own }, ...offered];
}

/** `1234 5678 9012`: twelve digits that can be compared by eye. */
export const accountDigits = (id: string): string => id.replace(/(\d{4})(?=\d)/g, '$1 ');

/** How it is signed in, in words. */
export function accessWords(access: AwsAccess): string {
  switch (access.kind) {
    case 'default':
      return 'what AWS’s own tools use here';
    case 'profile':
      return `profile ${access.name}`;
    case 'key':
      return `access key ${access.id}`;
  }
}

/** IAM actions named in a text, in order, each once: `ec2:RunInstances`. */
export function actionsIn(text: string): string[] {
  return [...new Set(text.match(/\b[a-z][a-z0-9-]*:[A-Z][A-Za-z]+\b/g) ?? [])];
}

/** Actions by the service they belong to. */
export function byService(actions: readonly string[]): [service: string, actions: string[]][] {
  const groups = new Map<string, string[]>();
  for (const action of actions) {
    const [service = '', name = ''] = action.split(':');
    groups.set(service, [...(groups.get(service) ?? []), name]);
  }
  return [...groups];
}

/**
 * What is watched, by sort: containers and functions, the hosts they run on, and alarms. The name's beginning tells.
 * Among its like, a host or an alarm needs not say what it is.
 */
export function bySort(statuses: readonly ServiceStatus[]) {
  const of = (prefix: string, spoken: RegExp) =>
    statuses
      .filter(({ name }) => name.startsWith(prefix))
      .map((status) => ({ ...status, title: sentence(status.title.replace(spoken, '')) }));
  return {
    hosts: of('host-', /^Host of /),
    alarms: of('alarm-', /^Alarm: /),
    services: statuses.filter(({ name }) => !/^(host|alarm)-/.test(name)),
  };
}
