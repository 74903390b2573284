/** Writes docs/metrics.md from what each room declares in its metrics.ts; a test asserts that it is current. */
import { globSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Instruments } from '../src/util/instruments.ts';

const root = resolve(import.meta.dirname, '..');
export const METRICS_PATH = join(root, 'docs/metrics.md');

export interface DeclaredMetric {
  readonly room: string;
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric that a room declares, by calling each function `...Metrics` of `src/<room>/metrics.ts`. */
export async function declaredMetrics(): Promise<DeclaredMetric[]> {
  const found: DeclaredMetric[] = [];
  for (const path of globSync('src/*/metrics.ts', { cwd: root }).sort()) {
    const room = path.replaceAll('\\', '/').split('/')[1] as string;
    const exported: Record<string, unknown> = await import(join(root, path));
    const declarations = Object.entries(exported).filter(
      ([name, value]) => name.endsWith('Metrics') && typeof value === 'function',
    );
    if (declarations.length === 0) throw new Error(`${path} exports no function that ends in "Metrics"`);
    for (const [, declare] of declarations) (declare as (instruments: Instruments) => unknown)(recorder(room, found));
  }
  return found;
}

export async function renderMetrics(): Promise<string> {
  const metrics = await declaredMetrics();
  const rooms = [...new Set(metrics.map(({ room }) => room))];
  return `${INTRODUCTION}\n${rooms.map((room) => section(room, metrics)).join('\n')}`;
}

const INTRODUCTION = `# Metrics

Written by \`node_modules/.bin/node tools/write-metrics.ts\` from what each room declares in \`src/<room>/metrics.ts\`; do not edit.

Every validator serves them in the Prometheus text format at \`/metrics\` on a port of its own (9090), before it is synced and while it is
not ready. Beside these stand the usual \`process_\` and \`nodejs_\` metrics (CPU, memory, descriptors, event-loop lag, garbage collection).

Times are in seconds and sizes in bytes. A histogram has \`_bucket\`, \`_sum\` and \`_count\`; a quantile is
\`histogram_quantile(0.99, sum by (le) (rate(NAME_bucket[1m])))\`. Labels come from closed sets; an instrument keeps at most 256 combinations
and counts what goes beyond under \`other\`.
`;

function section(room: string, metrics: readonly DeclaredMetric[]): string {
  const rows = metrics
    .filter((metric) => metric.room === room)
    .map(
      ({ name, type, labels, help }) =>
        `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help.replaceAll('|', '\\|')} |`,
    );
  return `## ${room}\n\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function recorder(room: string, found: DeclaredMetric[]): Instruments {
  const record =
    (type: DeclaredMetric['type']) => (spec: { name: string; help: string; labels?: readonly string[] }) => {
      found.push({ room, name: spec.name, type, labels: spec.labels ?? [], help: spec.help });
      return { add: ignore, set: ignore, observe: ignore };
    };
  return { counter: record('counter'), gauge: record('gauge'), histogram: record('histogram') };
}

function ignore(): void {
  // Nothing is counted while the declarations are read.
}

if (import.meta.main) {
  writeFileSync(METRICS_PATH, await renderMetrics());
  console.log(`wrote ${METRICS_PATH}`);
}
