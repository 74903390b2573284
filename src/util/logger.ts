export type LogFields = Readonly<Record<string, unknown>>;

/** A log line is a constant message and fields. Secrets are wrapped in a type that does not print (`SecretBytes`). */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines carry `room`. */
  child(room: string): Logger;
}

/** For callers that want no lines: tests and tools. */
export const SILENT_LOGGER: Logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  child: () => SILENT_LOGGER,
};

function ignore(): void {
  // nobody reads
}
