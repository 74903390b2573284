import type { Core, CoreOptions } from '../consensus/index.ts';
import type { Hasher } from '../crypto/hasher.ts';
import type { Signer, Verifier } from '../crypto/signer.ts';
import type { ExecutableCommit, ExecutedCommit, Ledger } from '../execution/index.ts';
import type { Mempool } from '../pipeline/index.ts';
import type { Certificate } from '../types/certificate.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { Timers } from '../util/timers.ts';
import type { Transport } from '../util/transport.ts';
import type { BlockStore } from './block-store.ts';
import type { CommitRunner, Executing } from './executor.ts';
import type { ReplicaIdentity, ReplicaOptions } from './options.ts';
import type { SigningStart } from './signing-identity.ts';
import type { TransactionTracker } from './transaction-tracker.ts';

export interface ReplicaSetup {
  readonly identity: ReplicaIdentity;
  readonly core: CoreOptions;
  readonly options: ReplicaOptions;
}

/** What the restart found (`restart.ts`), from which the replica goes on. */
export interface ReplicaStart extends SigningStart {
  readonly core: Core;
  readonly certificates: readonly Certificate[];
  /** This node ran before, and may have granted leases that it forgot. */
  readonly ranBefore: boolean;
}

export interface ReplicaModules {
  readonly hasher: Hasher;
  readonly verifier: Verifier;
  readonly signer: Signer;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly store: BlockStore;
  readonly ledger: Pick<Ledger, 'lastCommit' | 'lastCheckpoint'>;
  readonly runner: CommitRunner;
  readonly mempool: Mempool;
  readonly tracker: TransactionTracker;
  /** 0 to 1: how busy the threads are that verify signatures. */
  verifyLoad(): number;
}

export interface ReplicaEvents {
  committed(subDag: Executing): void;
  executed(result: ExecutedCommit, subDag: Executing, commit: ExecutableCommit): void;
  final(result: ExecutedCommit, subDag: Executing): void;
  certified(certificate: Certificate): void;
  /** The node must not go on. It keeps answering what it knows. */
  halted(error: unknown): void;
}
