import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DEFAULT_ADMISSION_OPTIONS, DEFAULT_MEMPOOL_OPTIONS } from '../../../src/pipeline/index.ts';
import { DEFAULT_REPLICA_OPTIONS } from '../../../src/replica/options.ts';
import * as limits from '../../../src/types/limits.ts';

const PAGE = readFileSync(new URL('../../../docs/spec/limits.md', import.meta.url), 'utf8');

test('the page of limits states the values of the code', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['MAX_COMMITTEE', String(limits.MAX_COMMITTEE)],
    ['MAX_HEADER_BYTES', `${limits.MAX_HEADER_BYTES / 1_024} KiB`],
    ['MAX_TRANSACTIONS_PER_BLOCK', `2 MiB, ${limits.MAX_TRANSACTIONS_PER_BLOCK}`],
    ['MAX_TRANSFERS', `${limits.MAX_TRANSACTION_BYTES / 1_024} KiB, ${limits.MAX_TRANSFERS.toLocaleString('en-US')}`],
    ['verificationsPerPeer', String(DEFAULT_REPLICA_OPTIONS.verificationsPerPeer)],
    ['executionLag', String(DEFAULT_REPLICA_OPTIONS.executionLag)],
    ['maxUncertifiedCheckpoints', String(DEFAULT_REPLICA_OPTIONS.maxUncertifiedCheckpoints)],
    ['roundsSinceCommit', String(DEFAULT_REPLICA_OPTIONS.roundsSinceCommit)],
    ['retainCommits', DEFAULT_REPLICA_OPTIONS.retainCommits.toLocaleString('en-US')],
    ['payloadCacheBytes', `${DEFAULT_REPLICA_OPTIONS.payloadCacheBytes / 2 ** 20} MiB`],
    ['NONCE_WINDOW', `${DEFAULT_MEMPOOL_OPTIONS.maxBytes / 2 ** 20} MiB`],
    ['DEFAULT_ADMISSION_OPTIONS', DEFAULT_ADMISSION_OPTIONS.maxVerifyItems.toLocaleString('en-US')],
  ];
  for (const [constant, value] of rows) {
    const row = PAGE.split('\n').find((line) => line.includes(`\`${constant}\``));
    assert.ok(row?.includes(value), `${constant} = ${value}: ${row ?? 'no row'}`);
  }
});
