import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AssertionFailure, assertDefined, assert as assertTrue, unreachable } from '../../../src/util/assert.ts';
import { CodedError, errorText, isCoded } from '../../../src/util/errors.ts';

describe('assertions', () => {
  it('stay silent on what holds and throw their own kind of error otherwise', () => {
    assertTrue(true, 'holds');
    assert.throws(() => assertTrue(false, 'does not hold'), { name: 'AssertionFailure', message: 'does not hold' });
    assert.equal(assertDefined(0, 'zero is a value'), 0);
    for (const nothing of [undefined, null]) {
      assert.throws(() => assertDefined(nothing, 'missing'), { name: 'AssertionFailure', message: 'missing' });
    }
    assert.throws(() => unreachable('x' as never), AssertionFailure);
  });
});

describe('coded errors', () => {
  it('carry code, fields and cause, and say the code first', () => {
    const cause = new Error('below');
    const error = new CodedError('LIMIT', 'at most 3', { limit: 3 }, { cause });
    assert.equal(error.message, 'LIMIT: at most 3');
    assert.deepEqual({ code: error.code, fields: error.fields }, { code: 'LIMIT', fields: { limit: 3 } });
    assert.equal(error.cause, cause);
    assert.deepEqual(new CodedError('LIMIT', 'x').fields, {});
  });

  it('are recognised by code', () => {
    const error = new CodedError('LIMIT', 'x');
    assert.equal(isCoded(error), true);
    assert.equal(isCoded(error, 'OTHER', 'LIMIT'), true);
    assert.equal(isCoded(error, 'OTHER'), false);
    assert.equal(isCoded(Object.assign(new Error('x'), { code: 'LIMIT' }), 'LIMIT'), false);
  });

  it('have a text, as has anything else that is thrown', () => {
    assert.equal(errorText(new CodedError('LIMIT', 'x')), 'LIMIT: x');
    assert.equal(errorText('plain'), 'plain');
    assert.equal(errorText(undefined), 'undefined');
  });
});
