import { setTimeout as delay } from 'node:timers/promises';
import { type ClientFlags, requireId, requireUrls } from '../client.ts';
import { integerOption } from '../number-option.ts';
import { StopRequest } from '../stop-request.ts';
import { watchLines } from '../watch-view.ts';
import { explain } from '../why/explanation.ts';
import { observe } from '../why/observation.ts';

const MAX_SECONDS = 3_600;
const MAX_TIMES = 1_000_000;
const ENTER_SCREEN = '\x1b[?1049h\x1b[?25l';
const LEAVE_SCREEN = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_TO_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

export interface WatchOptions extends ClientFlags {
  readonly every: string;
  readonly times?: string;
  readonly json?: true;
}

/**
 * `av10 watch`: the state of validators again and again until Ctrl-C: on a terminal one screen that changes, else a block of lines each time, and
 * with --json one document a line.
 */
export async function runWatch(options: WatchOptions): Promise<undefined> {
  const { url, networkId, json = false } = options;
  const urls = requireUrls(url);
  if (networkId !== undefined) requireId(networkId, '--network-id');
  const everyMs = (integerOption('--every', options.every, 1, MAX_SECONDS) ?? 1) * 1_000;
  const times = integerOption('--times', options.times, 1, MAX_TIMES) ?? Number.POSITIVE_INFINITY;
  const isScreen = process.stdout.isTTY === true && !json;
  const stopRequest = new StopRequest();
  if (isScreen) process.stdout.write(ENTER_SCREEN);
  try {
    for (let shown = 1; !stopRequest.isReceived; shown++) {
      const startedMs = performance.now();
      const observations = await observe(urls);
      const explanation = explain(observations, networkId, Date.now());
      if (json) print(JSON.stringify({ timeMs: Date.now(), observations, explanation }));
      else if (isScreen) draw(watchLines(observations, explanation, Date.now()));
      else print(`${watchLines(observations, explanation, Date.now()).join('\n')}\n`);
      if (shown >= times) break;
      const restMs = Math.max(0, everyMs - (performance.now() - startedMs));
      await Promise.race([stopRequest.received, delay(restMs, undefined, { ref: true })]);
    }
  } finally {
    if (isScreen) process.stdout.write(LEAVE_SCREEN);
    stopRequest.dispose();
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Over what is there, so that nothing flickers. */
function draw(lines: readonly string[]): void {
  // A terminal may not know its size, and says 0 then.
  const [columns, rows] = [process.stdout.columns || DEFAULT_COLUMNS, process.stdout.rows || DEFAULT_ROWS];
  const visible = lines.slice(0, rows - 1).map((line) => `${line.slice(0, columns)}${CLEAR_TO_LINE_END}`);
  process.stdout.write(`${HOME}${visible.join('\n')}\n${CLEAR_BELOW}`);
}
