import { CliError } from './errors.ts';

/** @throws CliError USAGE */
export function integerOption(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new CliError('USAGE', `${name}: an integer from ${min} to ${max} expected, got '${text}'`, { option: name });
}

const U64_LIMIT = 2n ** 64n;

/** An amount in the smallest unit of its asset. @throws CliError USAGE */
export function amountOption(name: string, text: string): bigint {
  const value = /^(0|[1-9][0-9]{0,19})$/.test(text) ? BigInt(text) : U64_LIMIT;
  if (value < U64_LIMIT) return value;
  throw new CliError('USAGE', `${name}: a whole number of smallest units below 2^64 expected, got '${text}'`, {
    option: name,
  });
}
