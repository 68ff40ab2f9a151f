/** What a proof looked at, by the service of AWS it was looked for in. */
import type { ProofItem } from '../protocol/ProofItem';

export interface ProofGroup {
  /** The service; empty for what was looked for on this computer. */
  service: string;
  items: ProofItem[];
  /** How many of them are left. */
  left: number;
}

/** The sorts of things that a sweep of the account looks for. */
const SORTS: Record<string, readonly string[]> = {
  EC2: ['Instances', 'Volumes', 'Launch templates', 'Key pairs'],
  VPC: [
    'VPCs',
    'Subnets',
    'Route tables',
    'Internet gateways',
    'Security groups',
    'Security group rules',
    'VPC endpoints',
    'Instance Connect endpoints',
    'Network interfaces',
    'Elastic IP addresses',
  ],
  ECS: ['ECS services', 'Task definitions', 'Container instances', 'ECS clusters'],
  ECR: ['Image repositories'],
  Lambda: ['Functions'],
  EventBridge: ['Event rules', 'Schedules', 'Schedule groups'],
  IAM: ['Roles', 'Instance profiles'],
  'Secrets Manager': ['Secrets'],
  CloudWatch: ['Alarms', 'Log groups'],
  SQS: ['Queues'],
};

const SERVICES = new Map(
  Object.entries(SORTS).flatMap(([service, sorts]) => sorts.map((sort) => [sort, service] as const)),
);
const ORDER = [...Object.keys(SORTS), ''];

/** Services that hold something still come first, and what was looked for on this computer last. */
export function byService(items: readonly ProofItem[]): ProofGroup[] {
  const groups = new Map<string, ProofItem[]>();
  for (const item of items) {
    const service = SERVICES.get(item.what) ?? '';
    groups.set(service, [...(groups.get(service) ?? []), item]);
  }
  const rank = ({ service, left }: ProofGroup) => ORDER.indexOf(service) - (left > 0 ? ORDER.length : 0);
  return [...groups]
    .map(([service, own]) => ({ service, items: own, left: own.filter(({ gone }) => !gone).length }))
    .sort((one, other) => rank(one) - rank(other));
}
