import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { LinkKeySequences } from '../../../src/node/link-key-sequences.ts';
import { id, type ValidatorId } from '../../../src/types/ids.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';

const A = id<ValidatorId>(new Uint8Array(32).fill(1));
const B = id<ValidatorId>(new Uint8Array(32).fill(2));

describe('sequences of link keys', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'av10-sequences-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('outlast the process', async () => {
    const dataDir = join(folder, 'not', 'there', 'yet');
    const first = new LinkKeySequences(dataDir, SILENT_LOGGER);
    assert.equal(first.sequences.size, 0);
    first.seen(A, 1);
    first.seen(B, 4);
    first.seen(A, 2);
    await first.flushed();
    const second = new LinkKeySequences(dataDir, SILENT_LOGGER);
    assert.deepEqual(
      second.sequences,
      new Map([
        [A, 2],
        [B, 4],
      ] as const),
    );
  });

  it('are not forgotten because their file is damaged', () => {
    const path = join(folder, 'link-keys.json');
    for (const text of ['', '{', '[]', '{"a":1}', `{"${A}":"1"}`, `{"${A}":1.5}`]) {
      writeFileSync(path, text);
      assert.throws(
        () => new LinkKeySequences(folder, SILENT_LOGGER),
        { code: 'LINK_KEYS_DAMAGED', fields: { path } },
        text,
      );
    }
  });
});
