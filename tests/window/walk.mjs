/** Walking through the window: steps that build on one another. */

/** Takes the steps one after the other. The first failure ends the walk, with a picture and a word of what was there. */
export async function walk(t, stage, steps) {
  for (const step of steps) {
    let failure;
    await t.test(step.title, async () => {
      try {
        await step();
      } catch (error) {
        failure = error;
        await stage.shoot('failed').catch(() => undefined);
        process.stderr.write(`${stage.testimony()}\n`);
        throw error;
      }
    });
    if (failure) throw failure;
  }
}
