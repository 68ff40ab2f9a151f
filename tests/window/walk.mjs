/** Walking through the window: steps that build on one another. */

/** Takes the steps one after the other. The first failure ends the walk, with a picture of what was there to see. */
export async function walk(t, stage, steps) {
  for (const step of steps) {
    let failure;
    await t.test(step.title, async () => {
      try {
        await step();
      } catch (error) {
        failure = error;
        await stage.shoot('failed').catch(() => undefined);
        throw error;
      }
    });
    if (failure) throw failure;
  }
}
