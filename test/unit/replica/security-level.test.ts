import assert from 'node:assert/strict';
import { it } from 'node:test';
import { securityLevel } from '../../../src/replica/security-level.ts';
import type { PostureEntry } from '../../../src/replica/service.ts';

const entry = (purpose: PostureEntry['purpose'], category: number): PostureEntry => ({
  subject: 'A',
  purpose,
  algorithm: 'some',
  category,
});

it('is the lowest category of keys and links; hashes and clients of the API do not count', () => {
  const posture = [entry('identity', 5), entry('link', 5), entry('api', 0), entry('hash', 2)];
  assert.equal(securityLevel(posture), 5);
  assert.equal(securityLevel([...posture, entry('link', 0)]), 0);
  assert.equal(securityLevel([...posture, entry('link-key', 3)]), 3);
});
