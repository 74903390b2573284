/** Waits for a condition that something outside brings about, looking again every few milliseconds; fails with `what` after `limitMs`. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 10_000,
): Promise<void> {
  const untilMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise<void>((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const POLL_MS = 5;
