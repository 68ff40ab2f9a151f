/** The host inside the app. The only file that knows Tauri. */
import { Channel, invoke, isTauri } from '@tauri-apps/api/core';
import type { Update } from '../protocol/Update';
import type { Argument, Command, Host, Result } from './host';
import { asFailure } from './host';

export const insideTauri = isTauri;

export const tauriHost: Host = {
  async call<K extends Command>(command: K, argument: Argument<K>): Promise<Result<K>> {
    return guard(invoke<Result<K>>('rpc', { request: { command, argument } }));
  },

  async watch(stack, onUpdate) {
    const channel = new Channel<Update>(onUpdate);
    const watch = await guard(invoke<number>('watch', { stack, channel }));
    return () => {
      // The window may already be closing; then there is nobody left to tell.
      invoke('unwatch', { watch }).catch(() => undefined);
    };
  },
};

async function guard<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (thrown) {
    throw asFailure(thrown);
  }
}
