import { signatureContext } from '../crypto/domains.ts';
import type { Hasher } from '../crypto/hasher.ts';
import { MAX_VERIFY_BATCH, type Verifier } from '../crypto/signer.ts';
import { assert } from '../util/assert.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { CodedError } from '../util/errors.ts';
import { type AuthorIndex, ID_BYTES, type NetworkId, type ValidatorId } from './ids.ts';
import { MAX_COMMITTEE, SIGNATURE_BYTES } from './limits.ts';
import { encodeStatement, readStatement, type Statement } from './statement.ts';

/**
 * A statement with the votes of a quorum: docs/spec/checkpoint.md. Not unique (any quorum will do, and signing is hedged), so
 * nothing ever hashes one.
 */
export interface Certificate {
  readonly statement: Statement;
  /** Members of the committee of the statement's epoch. */
  readonly members: number;
  readonly votes: readonly CertificateVote[];
}

/** Votes ascend by author. */
export interface CertificateVote {
  readonly author: AuthorIndex;
  readonly signature: Uint8Array;
}

/** What a light client knows of a committee: the part of `Committee` that certificates need. */
export interface CertificateCommittee {
  readonly quorum: number;
  readonly members: readonly CertificateMember[];
}

export interface CertificateMember {
  readonly validatorId: ValidatorId;
  readonly consensusKey: Uint8Array;
  readonly linkKey: Uint8Array;
  readonly power: number;
}

/** Fields: `CERTIFICATE_NETWORK` network; `_COMMITTEE` expected, got; `_QUORUM` power, quorum; `_SIGNATURE` author. */
export type CertificateErrorCode =
  | 'CERTIFICATE_NETWORK'
  | 'CERTIFICATE_COMMITTEE'
  | 'CERTIFICATE_QUORUM'
  | 'CERTIFICATE_SIGNATURE';

export class CertificateError extends CodedError<CertificateErrorCode> {}

export function encodeCertificate(certificate: Certificate): Uint8Array {
  const { statement, members, votes } = certificate;
  const bitmap = new Uint8Array(Math.ceil(members / 8));
  for (const [position, { author }] of votes.entries()) {
    const previous = votes[position - 1]?.author ?? -1;
    assert(author > previous && author < members, 'votes ascend by author within the committee');
    bitmap[author >> 3] = (bitmap[author >> 3] as number) | (1 << (author & 7));
  }
  const out = new ByteWriter(512 + votes.length * SIGNATURE_BYTES);
  out.bytes(encodeStatement(statement)).u16(members).bytes(bitmap);
  for (const vote of votes) out.fixed(vote.signature, SIGNATURE_BYTES);
  return out.finish();
}

/** @throws DecodeError */
export function decodeCertificate(bytes: Uint8Array): Certificate {
  const reader = new ByteReader(bytes);
  const statement = readStatement(reader);
  const members = reader.u16('certificate.members');
  if (members > MAX_COMMITTEE) throw reader.refuse('LIMIT', 'certificate.members', `at most ${MAX_COMMITTEE} allowed`);
  const bitmap = reader.bytes(Math.ceil(members / 8), 'certificate.bitmap');
  const votes: CertificateVote[] = [];
  for (let author = 0; author < bitmap.length * 8; author++) {
    if ((((bitmap[author >> 3] as number) >> (author & 7)) & 1) === 0) continue;
    if (author >= members)
      throw reader.refuse('NON_CANONICAL', 'certificate.bitmap', 'a bit beyond the committee is set');
    votes.push({ author, signature: reader.bytes(SIGNATURE_BYTES, 'certificate.signature') });
  }
  reader.end();
  return { statement, members, votes };
}

/**
 * Checks that a quorum of `committee` signed the statement for this network. Whether `committee` is that of the statement's epoch
 * is the caller's knowledge.
 * @throws CertificateError
 */
export async function verifyCertificate(
  verifier: Verifier,
  networkId: NetworkId,
  committee: CertificateCommittee,
  certificate: Certificate,
): Promise<void> {
  const { statement, votes } = certificate;
  if (statement.networkId !== networkId) {
    throw new CertificateError('CERTIFICATE_NETWORK', 'signed for another network', { network: statement.networkId });
  }
  if (certificate.members !== committee.members.length) {
    const fields = { expected: committee.members.length, got: certificate.members };
    throw new CertificateError('CERTIFICATE_COMMITTEE', 'made by a committee of another size', fields);
  }
  const signers = votes.map(({ author }) => committee.members[author] as CertificateMember);
  const power = signers.reduce((sum, member) => sum + member.power, 0);
  if (power < committee.quorum) {
    const fields = { power, quorum: committee.quorum };
    throw new CertificateError('CERTIFICATE_QUORUM', `power ${power} signed, ${committee.quorum} needed`, fields);
  }
  await verifySignatures(verifier, signers, certificate);
}

/** The digest under which a light client knows the committee of an epoch. */
export function committeeDigest(hasher: Hasher, members: readonly CertificateMember[]): Uint8Array {
  const out = new ByteWriter(2 + members.length * (3 * ID_BYTES + 4));
  out.u16(members.length);
  for (const { validatorId, power, consensusKey, linkKey } of members) {
    out.hex(validatorId, ID_BYTES).u32(power);
    out.bytes(hasher.hash('key', consensusKey)).bytes(hasher.hash('key', linkKey));
  }
  return hasher.hash('committee', out.finish());
}

async function verifySignatures(
  verifier: Verifier,
  signers: readonly CertificateMember[],
  { statement, votes }: Certificate,
): Promise<void> {
  assert(votes.length <= MAX_VERIFY_BATCH, 'a committee fits one batch');
  const context = signatureContext('ckpt', Uint8Array.fromHex(statement.networkId));
  const message = encodeStatement(statement);
  const results = await verifier.verifyMany(
    votes.map(({ signature }, i) => {
      return { publicKey: (signers[i] as CertificateMember).consensusKey, context, message, signature };
    }),
  );
  const bad = results.findIndex((valid) => valid !== 1);
  if (bad >= 0) {
    const { author } = votes[bad] as CertificateVote;
    throw new CertificateError('CERTIFICATE_SIGNATURE', `the vote of member ${author} does not verify`, { author });
  }
}
