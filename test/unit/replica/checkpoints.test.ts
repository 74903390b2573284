import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { signatureContext } from '../../../src/crypto/domains.ts';
import type { Signer, Verifier } from '../../../src/crypto/signer.ts';
import type { Checkpoint } from '../../../src/execution/index.ts';
import { Checkpoints } from '../../../src/replica/checkpoints.ts';
import type { ReplicaError } from '../../../src/replica/errors.ts';
import type { CheckpointVote } from '../../../src/types/block.ts';
import { type Certificate, decodeCertificate } from '../../../src/types/certificate.ts';
import {
  type CommitDigest,
  id,
  type ParamsHash,
  type StatementDigest,
  type StateRoot,
} from '../../../src/types/ids.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { encodeStatement, type Statement, statementDigest } from '../../../src/types/statement.ts';
import { equalBytes, fromHex } from '../../../src/util/bytes.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { Universe } from '../../dag/universe.ts';
import { committeeOf } from '../../support/committees.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { NETWORK } from './linked-node.ts';
import { turns } from './stored.ts';

const root = (byte: string): StateRoot => id<StateRoot>(byte.repeat(32));

/** The checkpoint of this index; another root makes another state. */
function checkpoint(index: number, accountsRoot = root('ac')): Checkpoint {
  const statement: Statement = {
    networkId: NETWORK,
    epoch: 1,
    index,
    previousDigest: id<StatementDigest>('0d'.repeat(32)),
    commitIndex: index * 10,
    commitDigest: id<CommitDigest>('0c'.repeat(32)),
    timeMs: index * 1_000,
    accountsRoot,
    systemRoot: root('5e'),
    resultsRoot: root('4e'),
    paramsHash: id<ParamsHash>('9a'.repeat(32)),
  };
  const bytes = encodeStatement(statement);
  return { index, statement, bytes, digest: statementDigest(shaHasher, statement) };
}

/** In place of ML-DSA: who signed what is in the first bytes. */
function signature(author: number, message: Uint8Array): Uint8Array {
  const out = new Uint8Array(SIGNATURE_BYTES);
  out.set([author, ...shaHasher.plain(message)]);
  return out;
}

const vote = (author: number, of: Checkpoint, signed = of.bytes): CheckpointVote => ({
  statementDigest: of.digest,
  checkpointIndex: of.index,
  signature: signature(author, signed),
});

function observing(powers: readonly number[] = [1, 1, 1, 1]) {
  const universe = new Universe({ powers, leaders: 1 });
  const committee = committeeOf(powers);
  const context = signatureContext('ckpt', fromHex(NETWORK));
  const events: string[] = [];
  const halts: ReplicaError[] = [];
  const certificates: Certificate[] = [];
  const guarded: (readonly [number, StatementDigest])[] = [];
  const faults: { guard?: Error } = {};
  // Members share one key here, so a signature is valid for whoever it names.
  const verifier: Pick<Verifier, 'verify'> = {
    verify: async (_key, used, message, given) =>
      equalBytes(used, context) && equalBytes(given, signature(given[0] as number, message)),
  };
  const signer: Signer = { publicKey: new Uint8Array(0), sign: async (_context, message) => signature(0, message) };
  const guard = {
    advanceCheckpoint: async (index: number, digest: StatementDigest) => {
      if (faults.guard !== undefined) throw faults.guard;
      guarded.push([index, digest]);
    },
  };
  const modules = { signer, verifier: verifier as Verifier, guard, logger: SILENT_LOGGER };
  const checkpoints = new Checkpoints({ networkId: NETWORK, committee, own: 0 }, modules, {
    voteReady: () => events.push('vote ready'),
    certified: (certificate, bytes) => {
      assert.deepEqual(decodeCertificate(bytes), certificate);
      events.push(`certified ${certificate.statement.index}`);
      certificates.push(certificate);
    },
    contradicted: (...sides) => {
      const roots = sides.map((bytes) => decodeCertificate(bytes).statement.accountsRoot.slice(0, 2));
      events.push(roots.join(' against '));
    },
    halt: (error) => halts.push(error),
  });
  const admit = async (author: number, checkpointVote: CheckpointVote): Promise<void> => {
    checkpoints.admitted(universe.block(author, 1, universe.roots, { checkpointVote }));
    await turns();
  };
  const executed = async (reached: Checkpoint, votes = true): Promise<void> => {
    checkpoints.executedTo(reached, votes);
    await turns();
  };
  return { checkpoints, events, halts, certificates, guarded, faults, admit, executed };
}

describe('own checkpoint vote', () => {
  it('goes through the guard and is due until a block took it', async () => {
    const { checkpoints, guarded, events, executed } = observing();
    const one = checkpoint(1);
    await executed(one);
    assert.deepEqual(guarded, [[1, one.digest]]);
    assert.deepEqual(events, ['vote ready']);
    assert.deepEqual(checkpoints.dueVote, vote(0, one));
    const due = checkpoints.dueVote as CheckpointVote;
    checkpoints.voted({ ...due });
    assert.equal(checkpoints.voteDue, true);
    checkpoints.voted(due);
    assert.equal(checkpoints.voteDue, false);
  });

  it('is not made of replayed history, nor for what is certified', async () => {
    const { checkpoints, guarded, executed } = observing();
    await executed(checkpoint(1), false);
    const votes = [0, 1, 2].map((author) => ({ author, signature: signature(author, checkpoint(2).bytes) }));
    checkpoints.adopt({ statement: checkpoint(2).statement, members: 4, votes });
    await executed(checkpoint(2));
    assert.deepEqual([guarded, checkpoints.voteDue, checkpoints.executed], [[], false, 2]);
  });

  it('is not made when the guard refuses', async () => {
    const { checkpoints, faults, events, executed } = observing();
    faults.guard = new Error('GUARD_REFUSED');
    await executed(checkpoint(1));
    assert.deepEqual([checkpoints.voteDue, events], [false, []]);
  });
});

describe('checkpoint certificate', () => {
  it('is made when votes with a quorum of the power agree with the own state', async () => {
    const { checkpoints, certificates, events, admit, executed } = observing();
    const one = checkpoint(1);
    await executed(one);
    for (const author of [3, 0]) await admit(author, vote(author, one));
    assert.deepEqual([checkpoints.certified, checkpoints.uncertified], [0, 1]);
    await admit(1, vote(1, one));
    assert.deepEqual([checkpoints.certified, checkpoints.uncertified], [1, 0]);
    assert.deepEqual(events, ['vote ready', 'certified 1']);
    assert.deepEqual(certificates[0], {
      statement: one.statement,
      members: 4,
      votes: [0, 1, 3].map((author) => ({ author, signature: signature(author, one.bytes) })),
    });
    assert.equal(checkpoints.certificate(1)?.certificate, certificates[0]);
  });

  it('is made of votes that came before the own ledger was there', async () => {
    const { events, admit, executed } = observing();
    for (const author of [1, 2, 3]) await admit(author, vote(author, checkpoint(1)));
    assert.deepEqual(events, []);
    await executed(checkpoint(1), false);
    assert.deepEqual(events, ['certified 1']);
  });

  it('counts power, not heads', async () => {
    const { events, admit, executed } = observing([1, 5, 1, 1]);
    await executed(checkpoint(1), false);
    for (const author of [0, 2, 3]) await admit(author, vote(author, checkpoint(1)));
    assert.deepEqual(events, []);
    await admit(1, vote(1, checkpoint(1)));
    assert.deepEqual(events, ['certified 1']);
  });

  it('counts an author once', async () => {
    const { events, admit, executed } = observing();
    await executed(checkpoint(1), false);
    for (const author of [1, 1, 1, 2]) await admit(author, vote(author, checkpoint(1)));
    assert.deepEqual(events, []);
  });

  it('holds no false vote, and its author may vote again', async () => {
    const { events, halts, admit, executed } = observing();
    const one = checkpoint(1);
    await executed(one, false);
    for (const author of [1, 2]) await admit(author, vote(author, one));
    await admit(3, vote(3, one, checkpoint(2).bytes));
    assert.deepEqual([events, halts], [[], []]);
    await admit(3, vote(3, one));
    assert.deepEqual(events, ['certified 1']);
  });

  it('is made once, however many votes follow', async () => {
    const { events, admit, executed } = observing();
    await executed(checkpoint(1), false);
    for (const author of [0, 1, 2, 3]) await admit(author, vote(author, checkpoint(1)));
    assert.deepEqual(events, ['certified 1']);
  });

  it('is not awaited for indices far beyond: their votes take no memory', async () => {
    const { events, admit, executed } = observing();
    for (const author of [1, 2, 3]) await admit(author, vote(author, checkpoint(17)));
    for (const author of [1, 2, 3]) await admit(author, vote(author, checkpoint(16)));
    await executed(checkpoint(16), false);
    await executed(checkpoint(17), false);
    assert.deepEqual(events, ['certified 16']);
  });

  it('is taken from a peer, and known after a restart; the oldest are forgotten', async () => {
    const { checkpoints, events } = observing();
    const certificate = (index: number): Certificate => ({
      statement: checkpoint(index).statement,
      members: 4,
      votes: [],
    });
    checkpoints.restore(checkpoint(3), [certificate(1), certificate(2)]);
    assert.deepEqual([checkpoints.executed, checkpoints.certified, events], [3, 2, []]);
    checkpoints.adopt(certificate(3));
    checkpoints.adopt(certificate(3));
    assert.deepEqual([checkpoints.certified, events], [3, ['certified 3']]);
    checkpoints.adopt(certificate(130));
    assert.deepEqual(
      [2, 3, 130].map((index) => checkpoints.certificate(index) !== undefined),
      [false, true, true],
    );
  });
});

describe('another state than the own', () => {
  const other = root('bb');

  it('signed by more than can be faulty stops the node', async () => {
    const { halts, events, admit, executed } = observing();
    await executed(checkpoint(1), false);
    await admit(1, vote(1, checkpoint(1, other)));
    assert.deepEqual(halts, []);
    await admit(2, vote(2, checkpoint(1, root('bc'))));
    assert.deepEqual(
      halts.map(({ code, fields }) => ({ code, fields })),
      [{ code: 'HALT_CHECKPOINT_CONFLICT', fields: { checkpoint: 1 } }],
    );
    assert.deepEqual(events, []);
  });

  it('that a peer shows certified stops the node', async () => {
    const { checkpoints, halts, events, executed } = observing();
    await executed(checkpoint(1), false);
    checkpoints.adopt({ statement: checkpoint(1, other).statement, members: 4, votes: [] });
    const fields = { checkpoint: 1, ownRoot: root('ac'), certifiedRoot: other };
    assert.deepEqual(
      halts.map((halt) => ({ code: halt.code, fields: halt.fields })),
      [{ code: 'HALT_ROOT_MISMATCH', fields }],
    );
    assert.deepEqual([events, checkpoints.certified], [[], 0]);
  });

  it('stops the node after a restart too: certified before it, or learned later', () => {
    for (const isLogged of [true, false]) {
      const { checkpoints, halts } = observing();
      const foreign = { statement: checkpoint(5, other).statement, members: 4, votes: [] };
      checkpoints.restore(checkpoint(5), isLogged ? [foreign] : []);
      if (!isLogged) assert.equal(checkpoints.adopt(foreign), false);
      assert.deepEqual(
        halts.map(({ code }) => code),
        ['HALT_ROOT_MISMATCH'],
      );
    }
  });

  it('certified before the ledger got there stops the node', async () => {
    const { checkpoints, halts, executed } = observing();
    checkpoints.adopt({ statement: checkpoint(1, other).statement, members: 4, votes: [] });
    await executed(checkpoint(1));
    assert.deepEqual(
      halts.map(({ code }) => code),
      ['HALT_ROOT_MISMATCH'],
    );
    assert.equal(checkpoints.voteDue, false);
  });
});

describe('two certificates of one checkpoint', () => {
  const other = root('bb');
  const signedBy = (of: Checkpoint, ...authors: readonly number[]): Certificate => ({
    statement: of.statement,
    members: 4,
    votes: authors.map((author) => ({ author, signature: signature(author, of.bytes) })),
  });
  const conflict = [{ code: 'HALT_CERTIFICATE_CONFLICT', fields: { checkpoint: 1, members: 'B, C' } }];
  const seen = (halts: readonly ReplicaError[]) => halts.map(({ code, fields }) => ({ code, fields }));

  it('stop the node, name who signed both, and are kept', async () => {
    const { checkpoints, events, halts } = observing();
    checkpoints.adopt(signedBy(checkpoint(1), 0, 1, 2));
    assert.equal(checkpoints.contradicts(signedBy(checkpoint(1), 1, 2, 3)), false);
    checkpoints.adopt(signedBy(checkpoint(1), 1, 2, 3));
    assert.deepEqual(halts, []);
    const second = signedBy(checkpoint(1, other), 1, 2, 3);
    assert.equal(checkpoints.contradicts(second), true);
    checkpoints.adopt(second);
    assert.deepEqual(seen(halts), conflict);
    assert.deepEqual(events, ['certified 1', 'ac against bb']);
    assert.equal(checkpoints.certificate(1)?.certificate.statement.accountsRoot, root('ac'));
  });

  it('stop the node again after a restart', () => {
    const { checkpoints, halts, events } = observing();
    checkpoints.restore(checkpoint(2), [signedBy(checkpoint(1), 0, 1, 2), signedBy(checkpoint(1, other), 1, 2, 3)]);
    assert.deepEqual([seen(halts), events], [conflict, []]);
  });
});

describe('open votes', () => {
  it('are those on the oldest executed checkpoint without a certificate, by what they sign', async () => {
    const { checkpoints, admit, executed } = observing();
    const open = () => checkpoints.openVotes;
    assert.equal(open(), undefined);
    const one = checkpoint(1);
    await admit(1, vote(1, one));
    assert.equal(open(), undefined);
    await executed(one);
    await executed(checkpoint(2));
    await admit(2, vote(2, checkpoint(1, root('ad'))));
    const expected = { checkpoint: 1, timeMs: 1_000, agreeing: [1], differing: [2], ownFailure: undefined };
    assert.deepEqual(open(), expected);
    await admit(0, vote(0, one));
    await admit(3, vote(3, one));
    assert.equal(open()?.checkpoint, 2);
  });

  it('say why this node did not sign', async () => {
    const { checkpoints, faults, executed } = observing();
    faults.guard = new Error('a later vote');
    await executed(checkpoint(1));
    assert.equal(checkpoints.openVotes?.ownFailure, 'a later vote');
    delete faults.guard;
    await executed(checkpoint(2));
    assert.equal(checkpoints.openVotes?.ownFailure, undefined);
  });
});
