/** Values of a Prometheus text exposition by metric name, series that differ in labels added up, and each series by its name with its labels. */
export function parseExposition(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z_:][A-Za-z0-9_:]*)(\{.*\})? (\S+)$/.exec(line);
    const [, name, labels, value] = match ?? [];
    if (name === undefined) continue;
    values.set(name, (values.get(name) ?? 0) + Number(value));
    if (labels !== undefined) values.set(name + labels, Number(value));
  }
  return values;
}
