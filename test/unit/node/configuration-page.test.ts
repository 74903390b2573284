import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CONFIGURATION_PATH, renderConfiguration } from '../../../tools/write-configuration.ts';

test('every setting stands in docs/configuration.md', () => {
  const message = 'run node_modules/.bin/node tools/write-configuration.ts';
  assert.equal(readFileSync(CONFIGURATION_PATH, 'utf8'), renderConfiguration(), message);
});
