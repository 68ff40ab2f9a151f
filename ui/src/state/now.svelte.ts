/** The time, as state: whoever reads `ms` is redrawn as it passes. Call it while a component is set up. */
export function ticking(everyMs = 1000): { readonly ms: number } {
  let ms = $state(Date.now());
  $effect(() => {
    const timer = setInterval(() => (ms = Date.now()), everyMs);
    return () => clearInterval(timer);
  });
  return {
    get ms() {
      return ms;
    },
  };
}
