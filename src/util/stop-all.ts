/**
 * Runs and removes what stops the parts of something, the last first. One that fails keeps none of the others from being stopped; the first failure is
 * thrown when all were.
 */
export async function stopAll(stops: (() => Promise<void>)[]): Promise<void> {
  let failed: { readonly error: unknown } | undefined;
  for (let next = stops.pop(); next !== undefined; next = stops.pop()) {
    try {
      await next();
    } catch (error) {
      failed ??= { error };
    }
  }
  if (failed !== undefined) throw failed.error;
}
