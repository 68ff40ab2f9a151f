/** What a stack in AWS costs, by a price table as the engine has one. */
import type { AwsConfig } from '../../../protocol/AwsConfig';
import type { Cost } from '../../../protocol/Cost';
import type { CostLine } from '../../../protocol/CostLine';

const MONTH = 730;
/** An hour of t3.medium and m6i.large, a GB-month of gp3, an hour of an interface endpoint. */
const REGIONS: Record<string, [t3Medium: number, m6iLarge: number, gp3: number, endpoint: number]> = {
  'us-east-1': [0.0416, 0.096, 0.08, 0.01],
  'us-east-2': [0.0416, 0.096, 0.08, 0.01],
  'us-west-2': [0.0416, 0.096, 0.08, 0.01],
  'eu-west-1': [0.0456, 0.107, 0.088, 0.011],
  'eu-central-1': [0.048, 0.115, 0.0952, 0.012],
  'ap-southeast-2': [0.0528, 0.12, 0.096, 0.013],
};
const DEAREST = 'ap-southeast-2';
const MEDIUMS: Record<string, number> = { small: 0.5, medium: 1, large: 2, xlarge: 4, '2xlarge': 8 };

export function price(config: AwsConfig): Cost {
  const known = REGIONS[config.region];
  const [t3Medium, m6iLarge, gp3, endpoint] = known ?? REGIONS[DEAREST] ?? [0, 0, 0, 0];
  const hourly = (type: string) => {
    const [family, size = ''] = type.split('.');
    const mediums = MEDIUMS[size] ?? 0;
    return family === 't3' ? t3Medium * mediums : (m6iLarge * mediums) / 2;
  };
  const host = (what: string, type: string): CostLine => ({
    what,
    detail: `${type}, on demand`,
    hourly: hourly(type),
    when_stopped: false,
  });
  const line = (what: string, detail: string, dollars: number, when_stopped: boolean): CostLine => ({
    what,
    detail,
    hourly: dollars,
    when_stopped,
  });
  const ticks = 60 / Math.max(1, config.tick_minutes);
  return {
    region: config.region,
    prices_of: '2026-11-23',
    lines: [
      host('PostgreSQL’s host', config.hosts.postgres),
      host('Airbyte’s host', config.hosts.airbyte),
      host('Dagster’s host', config.hosts.dagster),
      host('Metabase’s host', config.hosts.metabase),
      line('Public addresses', '4 IPv4 addresses', 4 * 0.005, false),
      line('System disks', '150 GiB gp3', (150 * gp3) / MONTH, true),
      line('Data disks', '80 GiB gp3', (80 * gp3) / MONTH, true),
      line('Private door to Secrets Manager', 'an interface endpoint in one zone', endpoint, true),
      line('Secrets', '6 secrets', (6 * 0.4) / MONTH, true),
      line('Images', 'about 1.2 GB in ECR', 0.12 / MONTH, true),
      line('Logs and alarms', 'about 0.1 GB of logs a day, 2 alarms', 0.063 / 24 + 0.2 / MONTH, false),
      line(
        'The shop',
        `a Lambda function, ${Math.round(ticks)} ticks an hour`,
        ticks * 0.5 * 0.0000166667,
        false,
      ),
    ],
    ...(known ? {} : { note: unlisted() }),
  };
}

const unlisted = () =>
  `This region is not in the price table; the figures are those of ${DEAREST}, the dearest in it.`;
