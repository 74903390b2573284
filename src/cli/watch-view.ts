import { duration } from './why/duration.ts';
import type { Explanation } from './why/explanation.ts';
import type { Observation } from './why/observation.ts';

const HEADER = ['validator', 'state', 'commit', 'age', 'round', 'certified', 'tps', 'latency', 'mempool', 'links'];
const NONE = '-';

/** One screen of `av10 watch`: a row for each validator asked, and below it what `av10 why` says. */
export function watchLines(observations: readonly Observation[], explanation: Explanation, timeMs: number): string[] {
  const rows = [HEADER, ...observations.map(row)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const table = rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const { headline, causes, attempts } = explanation;
  return [
    `av10 watch  ${new Date(timeMs).toISOString().slice(0, 19)}Z`,
    '',
    ...table,
    '',
    headline,
    ...causes.map(({ code, finding }) => `- ${code}: ${finding}`),
    ...(attempts.length > 0 ? [`Next by itself: ${attempts.join('; ')}.`] : []),
  ];
}

function row(observation: Observation): string[] {
  if (observation.kind === 'unseen') return [observation.url, observation.how, ...HEADER.slice(2).map(() => NONE)];
  const { name, status } = observation;
  const { health, peers, progress, lastExecuted, round, lastCertified, lastCheckpoint, mempool } = status;
  return [
    name,
    health.status,
    String(lastExecuted),
    duration(progress.sinceCommitMs),
    String(round),
    `${lastCertified}/${lastCheckpoint}`,
    String(health.tps),
    `${health.latency} ms`,
    String(mempool.transactions),
    `${peers.filter(({ linked }) => linked).length}/${peers.length}`,
  ];
}
