import { parseArgs } from 'node:util';
import { MAX_DEVNET_VALIDATORS, MAX_PORT_OFFSET } from '../../src/cli/devnet/layout.ts';
import { MAX_TRANSFERS } from '../../src/types/limits.ts';
import { BenchError } from './errors.ts';

export interface BenchOptions {
  /** Transfers under one signature. */
  readonly batch: number;
  readonly validators: number;
  /** Of the saturation phase, or of the only phase with `rate`. */
  readonly durationSeconds: number;
  /** Transfers offered a second; without it saturation is looked for. */
  readonly rate: number | undefined;
  readonly senders: number;
  readonly accounts: number;
  readonly profile: boolean;
  /** A run for each of `CURVE`, and what follows from them for other machines. */
  readonly model: boolean;
  readonly portOffset: number;
  readonly baseDir: string | undefined;
  readonly json: string | undefined;
}

/** Transfers a signature, of the runs of `--model`. */
export const CURVE: readonly number[] = [1, 10, 100, 1_000, MAX_TRANSFERS];

export const HELP = `npm run bench -- [options]: real validator processes on this machine under load; docs/bench.md says what is measured
  --workload transfers   the only one
  --batch N              transfers under one signature, 1 to ${MAX_TRANSFERS} (${MAX_TRANSFERS})
  --validators N         processes (3)
  --duration S           seconds at saturation, or at --rate (60)
  --rate N               transfers offered a second, instead of looking for saturation
  --senders N            accounts that send (1000)
  --accounts N           accounts in all; those that do not send have random bytes for a key (100000)
  --profile              CPU of the validators by group of threads
  --model                a run for each of ${CURVE.join(', ')} transfers a signature; computes from their stage costs what other networks reach
  --port-offset N        added to every port (0)
  --base-dir DIR         folder of the network, kept; a temporary one, deleted, unless given
  --json FILE            result as JSON; a chart FILE.svg beside it`;

/** @throws BenchError BENCH_USAGE */
export function parseOptions(args: readonly string[]): BenchOptions | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  if (values.workload !== 'transfers') throw usage('workload', `'transfers' expected, got '${values.workload}'`);
  const senders = integer('senders', values.senders, 1, 100_000);
  const validators = integer('validators', values.validators, 1, MAX_DEVNET_VALIDATORS);
  if (values.model === true && values.rate !== undefined)
    throw usage('model', 'looks for saturation, so not with --rate');
  if (values.model === true && validators === 1) throw usage('model', 'needs several validators');
  if (senders < validators) throw usage('senders', `at least one for each of the ${validators} validators expected`);
  return {
    batch: integer('batch', values.batch, 1, MAX_TRANSFERS),
    validators,
    durationSeconds: integer('duration', values.duration, 1, 86_400),
    rate: values.rate === undefined ? undefined : integer('rate', values.rate, 1, 1e9),
    senders,
    accounts: integer('accounts', values.accounts, senders, 10_000_000),
    profile: values.profile === true || values.model === true,
    model: values.model === true,
    portOffset: integer('port-offset', values['port-offset'], 0, MAX_PORT_OFFSET),
    baseDir: values['base-dir'],
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        workload: { type: 'string', default: 'transfers' },
        batch: { type: 'string', default: String(MAX_TRANSFERS) },
        validators: { type: 'string', default: '3' },
        duration: { type: 'string', default: '60' },
        rate: { type: 'string' },
        senders: { type: 'string', default: '1000' },
        accounts: { type: 'string', default: '100000' },
        profile: { type: 'boolean' },
        model: { type: 'boolean' },
        'port-offset': { type: 'string', default: '0' },
        'base-dir': { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    throw new BenchError('BENCH_USAGE', `${(cause as Error).message}; --help lists the options`, {}, { cause });
  }
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw usage(name, `an integer from ${min} to ${max} expected, got '${text}'`);
}

function usage(option: string, what: string): BenchError {
  return new BenchError('BENCH_USAGE', `--${option}: ${what}`, { option });
}
