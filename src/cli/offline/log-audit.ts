import { signatureContext } from '../../crypto/domains.ts';
import { MAX_VERIFY_BATCH, type Verifier } from '../../crypto/signer.ts';
import type { StoppedNode } from '../../node/stopped-node.ts';
import type { BlockEntry, CertificateEntry, EvidenceEntry, LogRecord, SignedBytes } from '../../storage/index.ts';
import { formatRef, type SignedHeader } from '../../types/block.ts';
import { decodeSignedHeader } from '../../types/block-codec.ts';
import { decodeCertificate, verifyCertificate } from '../../types/certificate.ts';
import type { Commit } from '../../types/commit.ts';
import type { CheckpointIndex } from '../../types/ids.ts';
import { encodeStatement, type Statement } from '../../types/statement.ts';
import { fromHex } from '../../util/bytes.ts';
import { errorText } from '../../util/errors.ts';

/** More are counted and not kept. */
const MAX_PROBLEMS = 100;
/** Checkpoints that wait for their other half: certificates follow execution within seconds, unless execution began behind them. */
const MAX_WAITING = 10_000;

interface DueSignature {
  readonly header: SignedHeader;
  readonly publicKey: Uint8Array;
}

/**
 * What can be checked of a log without executing it: signatures of blocks, evidence and certificates, the chain of commits; and that the state
 * that is executed beside it is the one that certificates name. Decoding has recomputed ids and digests already, opening the log the payloads.
 */
export class LogAudit {
  readonly #node: StoppedNode;
  readonly #verifier: Verifier;
  readonly #context: Uint8Array;
  readonly #due: DueSignature[] = [];
  readonly #problems: string[] = [];
  readonly #counts = { blocks: 0, commits: 0, certificates: 0, comparedCheckpoints: 0, problems: 0 };
  /** Certified here, in canonical bytes, until execution comes by, and the other way round. */
  readonly #certified = new Map<CheckpointIndex, string>();
  readonly #executed = new Map<CheckpointIndex, string>();
  #last: Commit | undefined;

  constructor(node: StoppedNode, verifier: Verifier) {
    this.#node = node;
    this.#verifier = verifier;
    this.#context = signatureContext('block', fromHex(node.options.networkId));
    for (const { file, offset, bytes } of node.opened.damage)
      this.problem(`${file}: ${bytes} bytes at ${offset} are damaged`);
  }

  get counts(): Readonly<Record<'blocks' | 'commits' | 'certificates' | 'comparedCheckpoints' | 'problems', number>> {
    return this.#counts;
  }

  get problems(): readonly string[] {
    return this.#problems;
  }

  problem(what: string): void {
    this.#counts.problems += 1;
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(what);
  }

  async record({ entry }: Pick<LogRecord, 'entry'>): Promise<void> {
    if (entry.type === 'own-block' || entry.type === 'admitted-block') await this.#block(entry);
    else if (entry.type === 'commit') this.#commit(entry.commit);
    else if (entry.type === 'certificate') await this.#certificate(entry);
    else if (entry.type === 'evidence') await this.#evidence(entry);
  }

  /** A checkpoint that execution came to. */
  executed({ index, statement }: { readonly index: CheckpointIndex; readonly statement: Statement }): void {
    const bytes = encodeStatement(statement).toHex();
    const certified = this.#certified.get(index);
    if (certified === undefined) wait(this.#executed, index, bytes);
    else this.#compare(index, bytes, certified);
  }

  async finish(): Promise<void> {
    await this.#verifyDue();
  }

  async #block(entry: BlockEntry): Promise<void> {
    this.#counts.blocks += 1;
    await this.#sign(entry);
  }

  async #sign(signed: SignedBytes): Promise<SignedHeader> {
    const header = decodeSignedHeader(this.#node.modules.hasher, signed.header.slice(), signed.signature.slice());
    const { committee } = this.#node.files.genesis;
    if (header.author >= committee.size) this.problem(`block ${formatRef(header.ref)} is of no member`);
    else this.#due.push({ header, publicKey: committee.member(header.author).consensusKey });
    if (this.#due.length === MAX_VERIFY_BATCH) await this.#verifyDue();
    return header;
  }

  async #verifyDue(): Promise<void> {
    const due = this.#due.splice(0);
    if (due.length === 0) return;
    const valid = await this.#verifier.verifyMany(
      due.map(({ header, publicKey }) => {
        return { publicKey, context: this.#context, message: header.bytes, signature: header.signature };
      }),
    );
    for (const [i, { header }] of due.entries())
      if (valid[i] !== 1) this.problem(`the signature of block ${formatRef(header.ref)} does not verify`);
  }

  /** A recovery may write commits again that are in the log already. */
  #commit(commit: Commit): void {
    const { index, previousDigest, digest } = commit;
    this.#counts.commits += 1;
    const last = this.#last;
    if (last !== undefined && index < last.index) return;
    if (last?.index === index && last.digest !== digest)
      this.problem(`commit ${index} lies there twice, with different content`);
    if (last !== undefined && index > last.index + 1)
      this.problem(`commits ${last.index + 1} to ${index - 1} are missing`);
    const expected =
      index === 1 ? this.#node.options.networkId : last?.index === index - 1 ? last.digest : previousDigest;
    if (previousDigest !== (expected as string)) this.problem(`commit ${index} does not continue commit ${index - 1}`);
    this.#last = commit;
  }

  async #certificate({ bytes }: CertificateEntry): Promise<void> {
    this.#counts.certificates += 1;
    const { networkId, committee } = this.#node.files.genesis;
    const certificate = decodeCertificate(bytes);
    const { index } = certificate.statement;
    try {
      await verifyCertificate(this.#verifier, networkId, committee, certificate);
    } catch (error) {
      this.problem(`certificate of checkpoint ${index}: ${errorText(error)}`);
      return;
    }
    const certified = encodeStatement(certificate.statement).toHex();
    const executed = this.#executed.get(index);
    if (executed === undefined) wait(this.#certified, index, certified);
    else this.#compare(index, executed, certified);
  }

  #compare(index: CheckpointIndex, executed: string, certified: string): void {
    this.#executed.delete(index);
    this.#certified.delete(index);
    this.#counts.comparedCheckpoints += 1;
    if (executed !== certified)
      this.problem(`checkpoint ${index}: a quorum certified another state than executing the log gives`);
  }

  async #evidence({ first, second }: EvidenceEntry): Promise<void> {
    const [a, b] = [await this.#sign(first), await this.#sign(second)];
    if (a.author !== b.author || a.round !== b.round || a.ref.id === b.ref.id)
      this.problem(`evidence against ${formatRef(a.ref)} and ${formatRef(b.ref)} proves nothing`);
  }
}

/** The oldest gives way. */
function wait(waiting: Map<CheckpointIndex, string>, index: CheckpointIndex, bytes: string): void {
  const [oldest] = waiting.keys();
  if (waiting.size === MAX_WAITING && oldest !== undefined) waiting.delete(oldest);
  waiting.set(index, bytes);
}
