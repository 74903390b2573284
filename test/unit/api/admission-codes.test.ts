import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdmissionError, type AdmissionErrorCode } from '../../../src/pipeline/errors.ts';
import { REST_ERRORS, type RestErrorSpec } from '../../../src/types/rest-errors.ts';

/** Does not compile if admission can refuse with a code that the table lacks. */
const ADMISSION: Readonly<Record<AdmissionErrorCode, RestErrorSpec>> = REST_ERRORS;

describe('the codes of admission', () => {
  it('are retryable in the table of the API exactly if they are to admission', () => {
    const codes = Object.keys(ADMISSION).filter(
      (code) => new AdmissionError(code as AdmissionErrorCode, '').retryable !== undefined,
    );
    assert.ok(codes.length >= 18);
    for (const code of codes as AdmissionErrorCode[]) {
      assert.equal(ADMISSION[code].retryable, new AdmissionError(code, '').retryable, code);
      assert.ok(ADMISSION[code].status < 500, `${code} is not the fault of the node`);
    }
  });
});
