/** Chooses the host: the app's own inside Tauri, the fake one in a browser that asks for it. */
import type { Host } from './host';
import { insideTauri, tauriHost } from './tauri';

export async function pickHost(query: URLSearchParams): Promise<Host> {
  if (query.get('host') !== 'fake' && insideTauri()) return tauriHost;
  const { FakeHost, readOptions } = await import('./fake');
  return new FakeHost(readOptions(query));
}
