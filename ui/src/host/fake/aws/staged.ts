/** Stacks in AWS that do not stand as a plain `up` leaves them: what AWS says of each in its own scenario. */
import type { ServiceStatus } from '../../../protocol/ServiceStatus';
import type { FakeStack, Past } from '../stack';

interface Staged {
  name: string;
  past: Past;
  services: Record<string, Partial<ServiceStatus>>;
}

const unwell = (detail: string) => ({ health: 'unhealthy' as const, detail });
const starting = (detail: string) => ({ health: 'starting' as const, detail });
const stopped = (detail: string) => ({ health: 'stopped' as const, detail });

const ROLES = ['postgres', 'airbyte', 'dagster', 'metabase'];
const UNPLACED = (service: string) =>
  starting(
    `(service a-shop-in-frankfurt1-${service}) was unable to place a task because no container instance met all of its requirements.`,
  );

export const STAGED: Partial<Record<string, Staged>> = {
  'aws-unwell': {
    name: 'a-shop-in-frankfurt1',
    past: { broughtUp: 120, ticked: 0 },
    services: {
      'host-airbyte': unwell('i-0a1b2c3d4e5f60711, t3.large: runs, but AWS’s checks of it fail'),
      metabase: { ...unwell('its health check fails'), restarts: 3 },
      'alarm-missed-ticks': unwell(
        'A tick was given up after its retries; it lies in the queue: Threshold Crossed: 1 datapoint [14.0] was greater than the threshold (0.0).',
      ),
      dagster: starting('runs; its health is not known yet'),
    },
  },
  'aws-starting': {
    name: 'demo',
    past: { broughtUp: 3, ticked: null },
    services: {
      dagster: starting('runs; its health is not known yet'),
      metabase: starting('waits for its host'),
      airbyte: starting('its host installs it, which takes up to half an hour'),
      generator: { detail: 'rate(3 minutes); 256 MB; 0 calls and 0 errors in the last hour' },
    },
  },
  'aws-stopped': {
    name: 'a-shop-in-frankfurt1',
    past: { broughtUp: 11 * 60, ticked: 3 * 60 },
    services: {
      ...Object.fromEntries(
        ROLES.map((role, index) => [`host-${role}`, stopped(`i-0a1b2c3d4e5f6071${index}: is stopped`)]),
      ),
      ...Object.fromEntries(['postgres', 'dagster', 'metabase'].map((name) => [name, UNPLACED(name)])),
      airbyte: stopped('its host is stopped'),
      generator: stopped('its rule is switched off'),
    },
  },
};

export function stage(stack: FakeStack, { past, services }: Staged): void {
  stack.bringUp(past);
  for (const [name, change] of Object.entries(services)) stack.setService(name, change);
}
