/** Values of a Prometheus text exposition by metric name; series that differ in labels are added up. */
export function parseExposition(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{.*\})? (\S+)$/.exec(line);
    const [, name, value] = match ?? [];
    if (name !== undefined) values.set(name, (values.get(name) ?? 0) + Number(value));
  }
  return values;
}
