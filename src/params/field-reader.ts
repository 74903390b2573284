import { errorText } from '../util/errors.ts';
import { isObject } from '../util/is-object.ts';
import { ParamsError } from './errors.ts';

const DECIMAL_U64 = /^(0|[1-9][0-9]{0,19})$/;
const U64_LIMIT = 2n ** 64n;

/**
 * Reads a JSON document field by field and collects every problem instead of stopping at the first, so that a person mends a file once.
 * Each read returns a value of the right type in any case; `problems` decides whether it may be used.
 */
export class FieldReader {
  readonly problems: string[];
  readonly #path: string;
  readonly #value: Readonly<Record<string, unknown>>;

  private constructor(path: string, value: Readonly<Record<string, unknown>>, problems: string[]) {
    this.#path = path;
    this.#value = value;
    this.problems = problems;
  }

  /** @throws ParamsError GENESIS_INVALID when the bytes are no JSON object of at most `maxBytes` */
  static parse(bytes: Uint8Array, maxBytes: number): FieldReader {
    const fail = (problem: string): ParamsError =>
      ParamsError.of('GENESIS_INVALID', 'genesis.json cannot be read', [problem]);
    if (bytes.length > maxBytes) throw fail(`${bytes.length} bytes, at most ${maxBytes} allowed`);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch (error) {
      throw fail(`no JSON: ${errorText(error)}`);
    }
    if (!isObject(value)) throw fail('an object expected');
    return new FieldReader('', value, []);
  }

  /** Reports every field that is not named here: an unknown key is a misunderstanding, never ignored. */
  only(...fields: readonly string[]): void {
    for (const field of Object.keys(this.#value)) if (!fields.includes(field)) this.report(field, 'unknown field');
  }

  has(field: string): boolean {
    return Object.hasOwn(this.#value, field);
  }

  text(field: string, maxLength: number): string {
    const value = this.#value[field];
    if (typeof value === 'string' && value.length <= maxLength) return value;
    this.report(field, `text of at most ${maxLength} characters expected`);
    return '';
  }

  /** A non-negative integer below 2^53. */
  integer(field: string): number {
    const value = this.#value[field];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    this.report(field, 'an integer from 0 to 2^53 - 1 expected');
    return 0;
  }

  /** A u64 as a decimal string. */
  amount(field: string): bigint {
    const value = this.#value[field];
    if (typeof value === 'string' && DECIMAL_U64.test(value) && BigInt(value) < U64_LIMIT) return BigInt(value);
    this.report(field, 'a u64 as a decimal string expected');
    return 0n;
  }

  object(field: string): FieldReader {
    return this.#child(field, this.#value[field]);
  }

  list(field: string, maxItems: number): FieldReader[] {
    const value = this.#value[field];
    if (Array.isArray(value) && value.length <= maxItems)
      return value.map((item, i) => this.#child(`${field}[${i}]`, item));
    this.report(field, `a list of at most ${maxItems} expected`);
    return [];
  }

  report(field: string, problem: string): void {
    this.problems.push(`${this.#path}${field}: ${problem}`);
  }

  #child(field: string, value: unknown): FieldReader {
    const path = `${this.#path}${field}.`;
    if (isObject(value)) return new FieldReader(path, value, this.problems);
    this.report(field, 'an object expected');
    // Its fields are read all the same, and are no further problems.
    return new FieldReader(path, {}, []);
  }
}
