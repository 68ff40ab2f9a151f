/** A review made readable: resources under the names people use, by what they are for. */
import type { ChangeAction } from '../protocol/ChangeAction';
import type { ResourceChange } from '../protocol/ResourceChange';
import { CHANGE } from './words';

export type Purpose =
  | 'network'
  | 'hosts'
  | 'images'
  | 'secrets'
  | 'services'
  | 'shop'
  | 'rights'
  | 'watch'
  | 'lifetime'
  | 'other';

export const PURPOSE: Record<Purpose, { title: string; note: string }> = {
  images: { title: 'Image registry', note: 'where the stack’s container images are kept' },
  network: { title: 'Network', note: 'a private network that nobody can connect to from outside' },
  hosts: { title: 'Hosts', note: 'the machines and their disks: most of the cost' },
  secrets: { title: 'Secrets', note: 'passwords, made up in AWS and known nowhere else' },
  services: { title: 'Services', note: 'what runs on the hosts' },
  shop: { title: 'Shop', note: 'the function that writes orders, and its schedule' },
  rights: { title: 'Permissions', note: 'what each part may do, and nothing more' },
  watch: { title: 'Logs and alarms', note: 'kept for the stack’s life' },
  lifetime: { title: 'Lifetime', note: 'stops the hosts when their time is over' },
  other: { title: 'Other', note: '' },
};

const ORDER = Object.keys(PURPOSE) as Purpose[];

/** What a type is for, and what people call it. The most telling beginning of a type comes first. */
const TYPES: [prefix: string, purpose: Purpose, name: string][] = [
  ['aws_ecr_repository', 'images', 'Image repository'],
  ['aws_ecr_lifecycle_policy', 'images', 'Clean-up of old images'],
  ['aws_vpc_security_group_ingress_rule', 'network', 'May receive'],
  ['aws_vpc_security_group_egress_rule', 'network', 'May send'],
  ['aws_vpc_endpoint', 'network', 'Private door to Secrets Manager'],
  ['aws_vpc', 'network', 'Network (VPC)'],
  ['aws_default_security_group', 'network', 'Default firewall, closed'],
  ['aws_security_group', 'network', 'Firewall'],
  ['aws_subnet', 'network', 'Subnet'],
  ['aws_internet_gateway', 'network', 'Way out to the internet'],
  ['aws_route_table_association', 'network', 'Routes of subnet'],
  ['aws_route_table', 'network', 'Routes'],
  ['aws_route', 'network', 'Route to the internet'],
  ['aws_ec2_instance_connect_endpoint', 'network', 'Tunnel entrance'],
  ['aws_instance', 'hosts', 'Host'],
  ['aws_ebs_volume', 'hosts', 'Data disk'],
  ['aws_volume_attachment', 'hosts', 'Data disk, attached'],
  ['aws_secretsmanager_secret_version', 'secrets', 'Value of secret'],
  ['aws_secretsmanager_secret', 'secrets', 'Secret'],
  ['aws_ecs_cluster', 'services', 'Cluster'],
  ['aws_ecs_task_definition', 'services', 'Containers'],
  ['aws_ecs_service', 'services', 'Service'],
  ['aws_lambda_function_event_invoke_config', 'shop', 'Retries of the function'],
  ['aws_lambda_permission', 'shop', 'Leave to call the function'],
  ['aws_lambda', 'shop', 'Function'],
  ['aws_cloudwatch_event_rule', 'shop', 'Schedule of ticks'],
  ['aws_cloudwatch_event_target', 'shop', 'Schedule’s target'],
  ['aws_sqs_queue', 'shop', 'Queue of missed ticks'],
  ['aws_cloudwatch_log_group', 'watch', 'Log'],
  ['aws_cloudwatch_metric_alarm', 'watch', 'Alarm'],
  ['aws_scheduler_schedule_group', 'lifetime', 'Group of schedules'],
  ['aws_scheduler_schedule', 'lifetime', 'Planned stop'],
  ['aws_iam_role_policy_attachment', 'rights', 'Managed permission'],
  ['aws_iam_role_policy', 'rights', 'Permissions of role'],
  ['aws_iam_instance_profile', 'rights', 'Instance profile'],
  ['aws_iam', 'rights', 'Role'],
];

/** Names of a resource within its module that say more than its type does. */
const TELLING = ['missed', 'errors', 'execution', 'https'];

const known = (type: string) => TYPES.find(([prefix]) => type === prefix || type.startsWith(`${prefix}_`));

export function purposeOf({ resource }: ResourceChange): Purpose {
  return known(resource)?.[1] ?? 'other';
}

/** What people call a resource: `Host: airbyte`, `Firewall: postgres`. */
export function nameOf({ resource, address }: ResourceChange): string {
  const what = known(resource)?.[2] ?? spaced(resource.replace(/^aws_/, ''));
  const whose = belongings(address);
  return whose.length === 0 ? what : `${what}: ${whose.join(', ')}`;
}

/** Whose a resource is, as its address tells: keys, modules that stand for one thing, telling names. */
function belongings(address: string): string[] {
  const found: string[] = [];
  const parts = address.match(/[\w-]+(?:\["[^"]*"\]|\[\d+\])?/g) ?? [];
  parts.forEach((part, index) => {
    const [, name = '', key] = /^([\w-]+?)(?:\["([^"]*)"\]|\[\d+\])?$/.exec(part) ?? [];
    if (key !== undefined) found.push(key);
    else if (parts[index - 1] === 'module' && name !== 'network') found.push(name.replace(/_host$/, ''));
    else if (index === parts.length - 1 && TELLING.includes(name)) found.push(name);
  });
  return found;
}

function spaced(type: string): string {
  const text = type.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export interface Group {
  purpose: Purpose;
  changes: ResourceChange[];
}

export interface RootGroup {
  root: string;
  count: number;
  /** Whether its plan is exact, or made of ids that are yet unknown. */
  forecast: boolean;
  groups: Group[];
}

export const ROOT: Record<string, string> = {
  registry: 'Image registry',
  foundation: 'Network and hosts',
  services: 'Services',
};

/** Changes by root, in the order in which they come, and by what they are for. */
export function grouped(changes: readonly ResourceChange[], forecast: readonly string[] = []): RootGroup[] {
  const roots = new Map<string, ResourceChange[]>();
  for (const change of changes) roots.set(change.root, [...(roots.get(change.root) ?? []), change]);
  return [...roots].map(([root, own]) => ({
    root,
    count: own.length,
    forecast: forecast.includes(root),
    groups: ORDER.map((purpose) => ({
      purpose,
      changes: own.filter((change) => purposeOf(change) === purpose),
    })).filter((group) => group.changes.length > 0),
  }));
}

/** Those that name a text anywhere, case ignored. */
export function matching(changes: readonly ResourceChange[], text: string): ResourceChange[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [...changes];
  return changes.filter((change) =>
    [
      nameOf(change),
      change.root,
      change.address,
      PURPOSE[purposeOf(change)].title,
      CHANGE[change.action].title,
    ]
      .join('\n')
      .toLowerCase()
      .includes(wanted),
  );
}

/** How many resources each action concerns; only those that occur, most harmless first. */
export function tally(changes: readonly ResourceChange[]): [action: ChangeAction, count: number][] {
  const actions: ChangeAction[] = ['create', 'import', 'update', 'replace', 'delete'];
  return actions
    .map((action): [ChangeAction, number] => [
      action,
      changes.filter((each) => each.action === action).length,
    ])
    .filter(([, count]) => count > 0);
}

/** What confirming does, as one phrase: `Create 92 resources`, `Change 3 and remove 1 resource`. */
export function deed(changes: readonly ResourceChange[]): string {
  const counts = tally(changes);
  if (counts.length === 0) return 'Change nothing';
  const noun = changes.length === 1 ? 'resource' : 'resources';
  const verbs = counts.map(([action, count]) => `${CHANGE[action].verb} ${count}`);
  const last = verbs.pop() ?? '';
  const phrase = verbs.length > 0 ? `${verbs.join(', ')} and ${last}` : last;
  return `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)} ${noun}`;
}
