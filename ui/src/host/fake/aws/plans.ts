/** The plans of a stack in AWS. */
import type { AwsConfig } from '../../../protocol/AwsConfig';
import type { Operation } from '../../../protocol/Operation';
import { played, type FakeStep } from '../played';

export function planOf(operation: Operation, { account_id, region }: AwsConfig): FakeStep[] {
  if (operation === 'refresh') return [];
  // Recorded for one account and region.
  const say = (text: string) =>
    text.replaceAll('123456789012', account_id).replaceAll('eu-central-1', region);
  return played('aws', operation, say);
}
