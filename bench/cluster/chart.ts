/** One second of the load. */
export interface ChartPoint {
  readonly seconds: number;
  readonly perSecond: number;
}

export interface ChartBand {
  readonly name: string;
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

const WIDTH = 860;
const HEIGHT = 320;
const LEFT = 80;
const BOTTOM = 36;
const TOP = 40;
const GRID_LINES = 4;

/** Committed transfers a second over time, as an SVG document; the phases are bands behind the line. */
export function chart(title: string, points: readonly ChartPoint[], bands: readonly ChartBand[]): string {
  const lastSecond = Math.max(1, ...points.map(({ seconds }) => seconds), ...bands.map(({ toSeconds }) => toSeconds));
  const highest = Math.max(1, ...points.map(({ perSecond }) => perSecond));
  const x = (seconds: number): string => (LEFT + (seconds / lastSecond) * (WIDTH - LEFT - 10)).toFixed(1);
  const y = (value: number): string => (HEIGHT - BOTTOM - (value / highest) * (HEIGHT - BOTTOM - TOP)).toFixed(1);
  const line = points.map(({ seconds, perSecond }) => `${x(seconds)},${y(perSecond)}`).join(' ');
  const grid = Array.from({ length: GRID_LINES + 1 }, (_, i) => (highest * i) / GRID_LINES).map(
    (value) =>
      `<line x1="${LEFT}" x2="${WIDTH - 10}" y1="${y(value)}" y2="${y(value)}" stroke="#ccc"/>` +
      `<text x="${LEFT - 6}" y="${y(value)}" text-anchor="end" dy="4">${short(value)}</text>`,
  );
  const areas = bands.map(
    ({ name, fromSeconds, toSeconds }) =>
      `<rect x="${x(fromSeconds)}" y="${TOP}" width="${(Number(x(toSeconds)) - Number(x(fromSeconds))).toFixed(1)}" height="${HEIGHT - BOTTOM - TOP}" fill="#4a7" opacity="0.12"/>` +
      `<text x="${x(fromSeconds)}" y="${TOP + 14}" dx="4">${escapeXml(name)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="22" font-size="15">${escapeXml(title)}</text>`,
    ...areas,
    ...grid,
    `<polyline points="${line}" fill="none" stroke="#165" stroke-width="2"/>`,
    `<text x="${WIDTH / 2}" y="${HEIGHT - 10}" text-anchor="middle">seconds (0 to ${lastSecond.toFixed(0)})</text>`,
    '</svg>\n',
  ].join('\n');
}

export function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0);
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
