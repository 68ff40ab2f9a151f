/** What is looked at after a teardown, and what a sweep of the account says of it. */
import type { ProofItem } from '../../../protocol/ProofItem';

const SORTS = [
  'Schedules',
  'Schedule groups',
  'Event rules',
  'Alarms',
  'Functions',
  'Queues',
  'ECS services',
  'Task definitions',
  'Instances',
  'Container instances',
  'ECS clusters',
  'Instance Connect endpoints',
  'VPC endpoints',
  'Volumes',
  'Elastic IP addresses',
  'Network interfaces',
  'Security group rules',
  'Security groups',
  'Subnets',
  'Route tables',
  'Internet gateways',
  'VPCs',
  'Launch templates',
  'Key pairs',
  'Instance profiles',
  'Roles',
  'Image repositories',
  'Secrets',
  'Log groups',
];

const HELD =
  'eni-0c4f1e2a9b7d6f053, held by Lambda, which gives it back within 25 minutes of the function’s end';

/** `left`: a network interface that outlives the teardown for a while. */
export function swept(stack: string, region: string, left: boolean): ProofItem[] {
  const gone = (what: string, detail: string): ProofItem => ({ what, gone: true, detail });
  const here = [
    gone('Processes', `no process carries the mark of ${stack}, and with them every port is closed`),
    gone('Folder', `~/.local/share/retailflow/stacks/${stack} does not exist`),
    gone('Sockets', `/run/user/1000/retailflow/${stack} does not exist`),
  ];
  const there = SORTS.map((sort) => gone(sort, `none of ${stack}’s in ${region}`));
  if (!left) return [...here, ...there];
  const held = { what: 'Network interfaces', gone: false, detail: HELD };
  return [...here, ...there.map((item) => (item.what === held.what ? held : item))];
}
