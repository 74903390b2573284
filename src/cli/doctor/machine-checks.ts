import { loadAddon } from '../../addon/load-addon.ts';
import { errorText } from '../../util/errors.ts';
import { probe } from '../probe.ts';

/** `warning`: it runs, but the operator should know. `failed`: a node would not start, or not safely. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly finding: string;
}

const MIN_NODE_MAJOR = 24;
/** An HTTP date has whole seconds; beyond this the clocks differ, not the resolution. */
const CLOCK_TOLERANCE_MS = 2_000;

/** That this runs also means that libatomic is there: the packaged runtime does not start without it. */
export function checkRuntime(): Check {
  const { node } = process.versions;
  const isNew = Number.parseInt(node, 10) >= MIN_NODE_MAJOR;
  const finding = isNew ? `Node ${node}` : `Node ${node}, ${MIN_NODE_MAJOR} or newer needed: start with bin/av10.js`;
  return { name: 'runtime', status: isNew ? 'ok' : 'failed', finding };
}

export function checkAddon(): Check {
  try {
    loadAddon();
    return { name: 'addon', status: 'ok', finding: 'loads' };
  } catch (error) {
    return { name: 'addon', status: 'failed', finding: errorText(error) };
  }
}

/** Compares this machine's clock with the dates that validators answer with. */
export function checkClocks(urls: readonly string[]): Promise<Check[]> {
  return Promise.all(urls.map(checkClock));
}

async function checkClock(url: string): Promise<Check> {
  const name = `clock against ${url}`;
  const probed = await probe(url);
  if (probed.kind !== 'alive') return { name, status: 'warning', finding: `no answer: ${probed.text}` };
  const { clockAheadMs } = probed;
  if (clockAheadMs === undefined) return { name, status: 'warning', finding: 'the answer has no date' };
  const isClose = Math.abs(clockAheadMs) <= CLOCK_TOLERANCE_MS;
  const advice = isClose ? '' : ': run a time service on both';
  return { name, status: isClose ? 'ok' : 'warning', finding: `${clockAheadMs} ms apart${advice}` };
}
