/** Every resource of a stack in AWS, at the addresses that `terraform/` gives them. */
import type { AwsConfig } from '../../../protocol/AwsConfig';
import type { ResourceChange } from '../../../protocol/ResourceChange';

const ROLES = ['airbyte', 'dagster', 'metabase', 'postgres'];
const CONTAINERS = ['dagster', 'metabase', 'postgres'];
const SECRETS = ['airbyte', 'dagster-database', 'metabase', 'metabase-database', 'postgres', 'snowflake'];
const FLOWS = [
  ...ROLES.map((role) => `Tunnel to the host of ${role}`),
  ...[...ROLES, 'generator'].map((role) => `Secrets for ${role}`),
  'Airbyte reads PostgreSQL',
  'Dagster reads PostgreSQL',
  'Generator writes PostgreSQL',
  'Dagster starts syncs in Airbyte',
];

const each = (base: string, keys: readonly string[], rest = '') =>
  keys.map((key) => `${base}["${key}"]${rest}`);

function host(module: string, disk: boolean): string[] {
  return [
    'aws_instance.this',
    'aws_iam_role.this',
    'aws_iam_role_policy.this',
    'aws_iam_role_policy_attachment.managed["AmazonSSMManagedInstanceCore"]',
    'aws_iam_instance_profile.this',
    ...(disk ? ['aws_ebs_volume.data[0]', 'aws_volume_attachment.data[0]'] : []),
  ].map((address) => `${module}.${address}`);
}

function foundation(): string[] {
  const network = [
    'aws_vpc.this',
    'aws_default_security_group.closed',
    'aws_internet_gateway.this',
    ...each('aws_subnet.public', ['0', '1']),
    'aws_route_table.public',
    'aws_route.internet',
    ...each('aws_route_table_association.public', ['0', '1']),
    ...each('aws_security_group.role', [...ROLES, 'generator', 'secrets', 'tunnel']),
    ...each('aws_vpc_security_group_ingress_rule.flow', FLOWS),
    ...each('aws_vpc_security_group_egress_rule.flow', FLOWS),
    ...each('aws_vpc_security_group_egress_rule.https', ROLES),
    'aws_ec2_instance_connect_endpoint.this',
    'aws_vpc_endpoint.secrets',
  ];
  return [
    'aws_ecs_cluster.this',
    ...each('aws_cloudwatch_log_group.this', CONTAINERS),
    ...host('module.airbyte_host', false),
    ...each('module.container_host', CONTAINERS).flatMap((module) => host(module, true)),
    ...network.map((address) => `module.network.${address}`),
    ...each('module.secret', SECRETS, '.aws_secretsmanager_secret.this'),
    ...each('module.secret', SECRETS.slice(1, 5), '.aws_secretsmanager_secret_version.this[0]'),
  ];
}

function services({ lifetime_hours }: AwsConfig): string[] {
  const task = (name: string) =>
    [
      'aws_ecs_task_definition.this',
      'aws_ecs_service.this',
      'aws_iam_role.execution',
      'aws_iam_role_policy.execution',
    ].map((address) => `module.${name}.${address}`);
  const generator = [
    'aws_cloudwatch_log_group.this',
    'aws_sqs_queue.missed',
    'aws_lambda_function.this',
    'aws_lambda_function_event_invoke_config.this',
    'aws_cloudwatch_event_rule.tick',
    'aws_cloudwatch_event_target.tick',
    'aws_lambda_permission.tick',
    'aws_cloudwatch_metric_alarm.errors',
    'aws_cloudwatch_metric_alarm.missed',
    'aws_iam_role.this',
    'aws_iam_role_policy.this',
  ];
  const lifetime = [
    'aws_scheduler_schedule_group.this',
    ...each('aws_scheduler_schedule.stop', ['instances', 'rule']),
    'aws_iam_role.this',
    'aws_iam_role_policy.this',
  ];
  return [
    ...CONTAINERS.flatMap(task),
    ...generator.map((address) => `module.generator.${address}`),
    ...(lifetime_hours > 0 ? lifetime.map((address) => `module.lifetime[0].${address}`) : []),
  ];
}

export function everything(config: AwsConfig): ResourceChange[] {
  const registry = [
    ...each('aws_ecr_repository.this', CONTAINERS),
    ...each('aws_ecr_lifecycle_policy.this', CONTAINERS),
  ];
  const roots: [root: string, addresses: string[]][] = [
    ['registry', registry],
    ['foundation', foundation()],
    ['services', services(config)],
  ];
  return roots.flatMap(([root, addresses]) =>
    addresses.map((address) => ({
      root,
      address,
      resource: /(aws_\w+)\.\w+(\[[^\]]*\])?$/.exec(address)?.[1] ?? address,
      action: 'create' as const,
      attributes: [],
    })),
  );
}

/** What somebody did by hand in the console since the stack came up. */
export const MEDDLED: ResourceChange[] = [
  {
    root: 'foundation',
    address: 'module.network.aws_security_group.role["postgres"]',
    resource: 'aws_security_group',
    action: 'update',
    attributes: ['description', 'tags'],
  },
  {
    root: 'services',
    address: 'module.generator.aws_cloudwatch_event_rule.tick',
    resource: 'aws_cloudwatch_event_rule',
    action: 'update',
    attributes: ['state'],
  },
  {
    root: 'services',
    address: 'module.generator.aws_cloudwatch_metric_alarm.missed',
    resource: 'aws_cloudwatch_metric_alarm',
    action: 'delete',
    attributes: [],
  },
];

/** What an `up` would do about it. */
export const MENDED: ResourceChange[] = [
  ...MEDDLED.slice(0, 2),
  {
    root: 'services',
    address: 'module.generator.aws_cloudwatch_metric_alarm.missed',
    resource: 'aws_cloudwatch_metric_alarm',
    action: 'create',
    attributes: [],
  },
  {
    root: 'services',
    address: 'module.metabase.aws_ecs_task_definition.this',
    resource: 'aws_ecs_task_definition',
    action: 'replace',
    attributes: ['container_definitions'],
  },
];
