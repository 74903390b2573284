import assert from 'node:assert/strict';
import { ParamsError, type ParamsErrorCode } from '../../../src/params/errors.ts';

/** For `assert.throws`: this code, and exactly these problems, each on a line of the message. */
export function refusal(code: ParamsErrorCode, problems: readonly string[]) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof ParamsError, String(error));
    assert.equal(error.code, code);
    const [, ...lines] = error.message.split('\n  - ');
    assert.deepEqual(lines, problems);
    assert.deepEqual(error.fields, { problems: problems.length });
    return true;
  };
}
