import { CodedError } from '../util/errors.ts';

export type ParamsErrorCode = 'GENESIS_INVALID' | 'PARAMETERS_INVALID' | 'COMMITTEE_INVALID';

/** A genesis, a parameter set or a committee breaks its rules. The message lists every problem found, one a line. */
export class ParamsError extends CodedError<ParamsErrorCode> {
  static of(code: ParamsErrorCode, subject: string, problems: readonly string[]): ParamsError {
    return new ParamsError(code, `${subject}:\n  - ${problems.join('\n  - ')}`, { problems: problems.length });
  }
}
