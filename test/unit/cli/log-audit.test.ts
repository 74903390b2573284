import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LogAudit } from '../../../src/cli/offline/log-audit.ts';
import type { SignedMessage, Verifier } from '../../../src/crypto/signer.ts';
import type { StoppedNode } from '../../../src/node/stopped-node.ts';
import type { LogEntry } from '../../../src/storage/index.ts';
import type { VerifiedHeader } from '../../../src/types/block.ts';
import { encodeCertificate } from '../../../src/types/certificate.ts';
import { type Commit, commitDigest } from '../../../src/types/commit.ts';
import {
  type CommitDigest,
  id,
  type ParamsHash,
  type StatementDigest,
  type StateRoot,
} from '../../../src/types/ids.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import type { Statement } from '../../../src/types/statement.ts';
import { Universe } from '../../dag/universe.ts';
import { committeeOf } from '../../support/committees.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { NETWORK } from '../replica/linked-node.ts';

const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
const committee = committeeOf([1, 1, 1, 1]);
const RIGHT = 1;

/** In place of ML-DSA: a signature that begins with this byte is right. */
const verifier = {
  verifyMany: async (items: readonly SignedMessage[]) =>
    Uint8Array.from(items, ({ signature }) => (signature[0] === RIGHT ? 1 : 0)),
} as Verifier;

function audit(damage: StoppedNode['opened']['damage'] = []): LogAudit {
  const node = {
    modules: { hasher: shaHasher },
    options: { networkId: NETWORK },
    files: { genesis: { committee, networkId: NETWORK } },
    opened: { damage },
  };
  return new LogAudit(node as unknown as StoppedNode, verifier);
}

const signature = (first = RIGHT): Uint8Array => new Uint8Array(SIGNATURE_BYTES).fill(first, 0, 1);
const block = (header: VerifiedHeader, first = RIGHT): LogEntry => {
  return { type: 'admitted-block', header: header.bytes, signature: signature(first), payload: new Uint8Array(0) };
};

function commit(index: number, previousDigest: string, timeMs = index): Extract<LogEntry, { type: 'commit' }> {
  const header = universe.block(0, 1, universe.roots);
  const content = { index, epoch: 1, leader: header.ref, timeMs, refs: [header.ref] };
  const previous = id<CommitDigest>(previousDigest);
  const whole: Commit = {
    ...content,
    previousDigest: previous,
    digest: commitDigest(shaHasher, { ...content, previousDigest: previous }),
  };
  return { type: 'commit', source: 'decided', commit: whole, gcRoundAfter: 0, blockPositions: [] };
}

function statement(index: number, accountsRoot = 'ac'): Statement {
  const root = (byte: string): StateRoot => id<StateRoot>(byte.repeat(32));
  return {
    networkId: NETWORK,
    epoch: 1,
    index,
    previousDigest: id<StatementDigest>('0d'.repeat(32)),
    commitIndex: index,
    commitDigest: id<CommitDigest>('0c'.repeat(32)),
    timeMs: index,
    accountsRoot: root(accountsRoot),
    systemRoot: root('5e'),
    resultsRoot: root('4e'),
    paramsHash: id<ParamsHash>('9a'.repeat(32)),
  };
}

function certificate(of: Statement, authors: readonly number[] = [0, 1, 2], first = RIGHT): LogEntry {
  const votes = authors.map((author) => ({ author, signature: signature(first) }));
  return { type: 'certificate', bytes: encodeCertificate({ statement: of, members: committee.size, votes }) };
}

async function problemsOf(...entries: readonly LogEntry[]): Promise<readonly string[]> {
  const looked = audit();
  for (const entry of entries) await looked.record({ entry });
  await looked.finish();
  assert.equal(looked.counts.problems, looked.problems.length);
  return looked.problems;
}

suite('audit of a log', () => {
  test('finds nothing in a sound one, and counts what it looked at', async () => {
    const looked = audit();
    const first = commit(1, NETWORK);
    for (const entry of [
      block(universe.block(0, 1, universe.roots)),
      first,
      commit(2, first.commit.digest),
      certificate(statement(1)),
    ])
      await looked.record({ entry });
    looked.executed({ index: 1, statement: statement(1) });
    await looked.finish();
    assert.deepEqual(looked.problems, []);
    assert.deepEqual(looked.counts, { blocks: 1, commits: 2, certificates: 1, comparedCheckpoints: 1, problems: 0 });
  });

  test('a signature of a block', async () => {
    const header = universe.block(2, 1, universe.roots);
    const [problem, ...others] = await problemsOf(
      block(header, RIGHT + 1),
      block(universe.block(1, 1, universe.roots)),
    );
    assert.match(problem ?? '', /^the signature of block 2@1:[0-9a-f]{8} does not verify$/);
    assert.deepEqual(others, []);
  });

  test('commits that do not form one chain from the genesis on', async () => {
    const first = commit(1, NETWORK);
    const second = commit(2, first.commit.digest);
    assert.deepEqual(await problemsOf(commit(1, 'ee'.repeat(32))), ['commit 1 does not continue commit 0']);
    assert.deepEqual(await problemsOf(first, commit(2, 'ee'.repeat(32))), ['commit 2 does not continue commit 1']);
    assert.deepEqual(await problemsOf(first, commit(4, 'ee'.repeat(32))), ['commits 2 to 3 are missing']);
    assert.deepEqual(await problemsOf(first, second, commit(2, first.commit.digest, 99)), [
      'commit 2 lies there twice, with different content',
    ]);
    // A recovery takes commits over again.
    assert.deepEqual(await problemsOf(first, second, first, second, commit(3, second.commit.digest)), []);
  });

  test('a log that begins later is judged from there on', async () => {
    const first = commit(7, 'ee'.repeat(32));
    assert.deepEqual(await problemsOf(first, commit(8, first.commit.digest)), []);
  });

  test('certificates without a quorum, or with a signature that is none', async () => {
    assert.match((await problemsOf(certificate(statement(1), [0, 1])))[0] ?? '', /checkpoint 1: CERTIFICATE_QUORUM/);
    const forged = await problemsOf(certificate(statement(1), [0, 1, 2], RIGHT + 1));
    assert.match(forged[0] ?? '', /checkpoint 1: CERTIFICATE_SIGNATURE/);
  });

  test('a certified state that execution does not come to, whichever is known first', async () => {
    for (const isExecutedFirst of [true, false]) {
      const looked = audit();
      const executed = (): void => looked.executed({ index: 3, statement: statement(3, 'ad') });
      if (isExecutedFirst) executed();
      await looked.record({ entry: certificate(statement(3)) });
      if (!isExecutedFirst) executed();
      assert.deepEqual(looked.problems, [
        'checkpoint 3: a quorum certified another state than executing the log gives',
      ]);
    }
  });

  test('evidence that proves nothing', async () => {
    const one = universe.block(2, 1, universe.roots);
    const same = { header: one.bytes, signature: signature() };
    const [problem] = await problemsOf({ type: 'evidence', first: same, second: same });
    assert.match(problem ?? '', /proves nothing$/);
  });

  test('damage that opening the log found', () => {
    const range = {
      segment: 0,
      file: 'segment-0000000.log',
      offset: 60,
      bytes: 9,
      firstSequence: 1,
      lastSequence: 1,
      cause: 'record',
    } as const;
    assert.deepEqual(audit([range]).problems, ['segment-0000000.log: 9 bytes at 60 are damaged']);
  });

  test('problems without end are counted, and the first of them kept', async () => {
    const looked = audit();
    for (let i = 0; i < 1_000; i++) looked.problem(`problem ${i}`);
    assert.deepEqual([looked.counts.problems, looked.problems.length, looked.problems[99]], [1_000, 100, 'problem 99']);
  });
});
