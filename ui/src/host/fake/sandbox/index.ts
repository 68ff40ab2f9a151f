/** The sandbox, as the fake host plays it. */
import type { Check } from '../../../protocol/Check';
import type { Operation } from '../../../protocol/Operation';
import type { Proof } from '../../../protocol/Proof';
import type { ServiceStatus } from '../../../protocol/ServiceStatus';
import type { ShopConfig } from '../../../protocol/ShopConfig';
import type { Nature } from '../nature';
import type { FakeStep } from '../played';
import recorded from '../recorded.json';
import { planOf } from './plans';

/** What each service says of itself when it is well. */
const DETAILS: Record<string, string> = {
  postgres: 'Accepting connections on its socket',
  generator: 'Writing a tick every second',
  'dagster-code': 'The project is loaded',
  'dagster-webserver': 'http://127.0.0.1:41873',
  'dagster-daemon': 'Schedule: every 5 minutes',
};

const SERVICES = recorded.sandbox.services as ServiceStatus[];

export class SandboxNature implements Nature {
  readonly tick = { told: 1, waited: 1 };
  readonly logged = SERVICES.map(({ name }) => name);
  readonly chartDays: number;

  constructor(
    private readonly stack: string,
    shop: ShopConfig,
  ) {
    this.chartDays = shop.backfill_days;
  }

  plan(operation: Operation): FakeStep[] {
    return planOf(operation);
  }

  services(): ServiceStatus[] {
    return SERVICES.map((service, index) => ({
      ...service,
      detail: DETAILS[service.name] ?? '',
      pid: 41_830 + index * 17,
    }));
  }

  links() {
    return [{ id: 'dagster', title: 'Dagster', url: 'http://127.0.0.1:41873' }];
  }

  review(): null {
    return null;
  }

  proof(): Proof {
    const item = (what: string, detail: string) => ({ what, gone: true, detail });
    return {
      stack: this.stack,
      items: [
        item('Processes of this stack', 'No process carries its mark; 5 were stopped.'),
        item('Local ports', '41873 is free again.'),
        item('Sockets', 'No socket is left below its folder.'),
        item('Folder', `~/.local/share/retailflow/stacks/${this.stack} does not exist.`),
        item('Lock', 'Nobody holds the stack’s lock.'),
      ],
    };
  }
}

export function checks(missing: boolean): Check[] {
  return [
    { id: 'os', title: 'Operating system', status: 'passed', detail: 'Debian 12, x86-64', fixable: false },
    missing
      ? {
          id: 'uv',
          title: 'uv, the Python installer',
          status: 'failed',
          detail: 'Not found on the PATH nor in RetailFlow’s own tools.',
          hint: 'Let RetailFlow install it into its own folder, or install it with your package manager and check again.',
          fixable: true,
        }
      : {
          id: 'uv',
          title: 'uv, the Python installer',
          status: 'passed',
          detail: 'uv 0.13.9',
          fixable: false,
        },
    {
      id: 'python',
      title: 'Python 3.11 to 3.13',
      status: 'passed',
      detail: 'Python 3.11.2, /usr/bin/python3',
      fixable: false,
    },
    {
      id: 'disk',
      title: 'Free disk space',
      status: missing ? 'warning' : 'passed',
      detail: missing ? '4.1 GB free; a sandbox needs 2 GB and grows by about 90 MB a day.' : '212 GB free',
      ...(missing ? { hint: 'Free some space, or choose fewer days of history.' } : {}),
      fixable: false,
    },
    { id: 'memory', title: 'Memory', status: 'passed', detail: '23 GB, 21 GB of it free', fixable: false },
    { id: 'ports', title: 'A free local port', status: 'passed', detail: '41873 is free', fixable: false },
  ];
}
