import { escapeXml, short } from './chart.ts';

export interface Series {
  readonly name: string;
  /** Both above 0, in ascending order of x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly dashed?: boolean;
}

const WIDTH = 860;
const HEIGHT = 440;
const LEFT = 80;
const RIGHT = 230;
const TOP = 40;
const BOTTOM = 44;
const COLOURS = ['#165', '#b40', '#46b', '#a37', '#777', '#084', '#c80', '#325'];

/** Several series over two logarithmic axes, as an SVG document; the axis below is marked at the values of the first series. */
export function logChart(title: string, xLabel: string, series: readonly Series[]): string {
  const points = series.flatMap((each) => each.points);
  const [left, right] = extent(points.map(({ x }) => x));
  const [low, high] = extent(points.map(({ y }) => y));
  const [bottom, top] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const x = (value: number): string =>
    (LEFT + (Math.log(value / left) / Math.log(right / left)) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number): string =>
    (HEIGHT - BOTTOM - ((Math.log10(value) - bottom) / (top - bottom)) * (HEIGHT - BOTTOM - TOP)).toFixed(1);
  const rows = Array.from({ length: top - bottom + 1 }, (_, i) => 10 ** (bottom + i)).map(
    (value) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="#ccc"/>` +
      `<text x="${LEFT - 6}" y="${y(value)}" text-anchor="end" dy="4">${short(value)}</text>`,
  );
  const marks = (series[0]?.points ?? []).map(
    (point) => `<text x="${x(point.x)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${point.x}</text>`,
  );
  const lines = series.map((each, i) => {
    const colour = COLOURS[i % COLOURS.length] as string;
    const path = each.points.map((point) => `${x(point.x)},${y(point.y)}`).join(' ');
    const dash = each.dashed === true ? ' stroke-dasharray="5 4"' : '';
    const row = TOP + 12 + i * 20;
    return (
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>` +
      `<line x1="${WIDTH - RIGHT + 14}" x2="${WIDTH - RIGHT + 38}" y1="${row - 4}" y2="${row - 4}" stroke="${colour}" stroke-width="2"${dash}/>` +
      `<text x="${WIDTH - RIGHT + 44}" y="${row}">${escapeXml(each.name)}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="22" font-size="15">${escapeXml(title)}</text>`,
    ...rows,
    ...marks,
    ...lines,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escapeXml(xLabel)}</text>`,
    '</svg>\n',
  ].join('\n');
}

/** Never empty, so that a single point has an axis. */
function extent(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low < high ? [low, high] : [low / 2, high * 2];
}
