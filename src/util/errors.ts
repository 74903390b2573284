/** What a field of an error may hold: plain data that a log line and a JSON answer can carry. */
export type ErrorFields = Readonly<Record<string, string | number | bigint | boolean>>;

/**
 * An error with a code from a closed set and typed fields. Each room declares its own set in its `errors.ts`.
 * The message is for people and always says what to do or what was expected; programs read `code` and `fields`.
 */
export class CodedError<Code extends string = string> extends Error {
  override readonly name = 'CodedError';
  readonly code: Code;
  readonly fields: ErrorFields;

  constructor(code: Code, message: string, fields: ErrorFields = {}, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
    this.fields = fields;
  }

  /** The message without its code, for where that stands beside it. */
  get detail(): string {
    return this.message.slice(this.code.length + 2);
  }
}

export function isCoded<Code extends string>(error: unknown, ...codes: readonly Code[]): error is CodedError<Code> {
  return error instanceof CodedError && (codes.length === 0 || (codes as readonly string[]).includes(error.code));
}

/** The text of anything that was thrown, for a log line. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
