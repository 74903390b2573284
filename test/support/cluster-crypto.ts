import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAddon } from '../../src/addon/load-addon.ts';
import type { NativeSigningKey } from '../../src/addon/native.ts';
import { signatureContext } from '../../src/crypto/domains.ts';
import type { Hasher } from '../../src/crypto/hasher.ts';
import type { Signer, Verifier } from '../../src/crypto/signer.ts';
import {
  type Ledger,
  type LedgerGenesis,
  ModelLedger,
  NativeLedger,
  simulatedSignature,
} from '../../src/execution/index.ts';
import type { NetworkId } from '../../src/types/ids.ts';
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../../src/types/limits.ts';
import { assertDefined } from '../../src/util/assert.ts';
import { equalBytes, fromHex } from '../../src/util/bytes.ts';
import type { Prng } from '../../src/util/prng.ts';

/** Keys, signatures and the ledger that checks them. Every call is synchronous inside, so that virtual time never waits for another thread. */
export interface ClusterCrypto {
  readonly verifier: Verifier;
  /** Makes a key pair and answers its public half. */
  makeKey(prng: Prng): Uint8Array;
  signer(publicKey: Uint8Array): Signer;
  signTransaction(networkId: NetworkId, publicKey: Uint8Array, body: Uint8Array): Uint8Array;
  isSignedBy(networkId: NetworkId, publicKey: Uint8Array, body: Uint8Array, signature: Uint8Array): boolean;
  openLedger(
    node: number,
    genesis: LedgerGenesis,
    accounts: Uint8Array,
    snapshot: readonly Uint8Array[] | undefined,
  ): Ledger;
  dispose(): void;
}

/** Tags that cost one hash for signatures, and the readable ledger. */
export function simulatedCrypto(hasher: Hasher): ClusterCrypto {
  const isSignedBy: ClusterCrypto['isSignedBy'] = (_network, publicKey, body, signature) =>
    equalBytes(signature, simulatedSignature(hasher, publicKey, body));
  return {
    verifier: verifierOf((key, context, message, signature) =>
      equalBytes(signature, tag(hasher, key, context, message)),
    ),
    makeKey: (prng) => prng.bytes(PUBLIC_KEY_BYTES),
    signer: (publicKey) => ({
      publicKey,
      sign: async (context, message) => tag(hasher, publicKey, context, message),
    }),
    signTransaction: (_network, publicKey, body) => simulatedSignature(hasher, publicKey, body),
    isSignedBy,
    openLedger: (_node, genesis, accounts, snapshot) => {
      const modules = {
        hasher,
        oracle: (publicKey: Uint8Array, body: Uint8Array, signature: Uint8Array) =>
          isSignedBy(genesis.networkId, publicKey, body, signature),
      };
      return snapshot === undefined
        ? new ModelLedger({ genesis, accounts }, modules)
        : ModelLedger.restore({ genesis, accounts }, modules, snapshot, new Uint8Array(0));
    },
    dispose: () => undefined,
  };
}

/** ML-DSA-87 everywhere and the engine that production runs. Signatures are hedged, so their bytes differ from run to run; nothing may depend on them. */
export function realCrypto(): ClusterCrypto {
  const addon = loadAddon();
  const keys = new Map<string, NativeSigningKey>();
  const folder = mkdtempSync(join(tmpdir(), 'av10-simulation-'));
  /** Of every life of every node: a killed one closes nothing. */
  const ledgers: NativeLedger[] = [];
  const keyOf = (publicKey: Uint8Array): NativeSigningKey =>
    assertDefined(keys.get(publicKey.subarray(0, 32).toHex()), 'a key of this cluster');
  const transactionContext = (networkId: NetworkId): Uint8Array => signatureContext('tx', fromHex(networkId));
  return {
    verifier: verifierOf((...item) => addon.mlDsaVerifySync(...item)),
    makeKey: (prng) => {
      const key = addon.mlDsaKeyFromSeed(prng.bytes(32));
      const publicKey = addon.mlDsaPublicKey(key);
      keys.set(publicKey.subarray(0, 32).toHex(), key);
      return publicKey;
    },
    signer: (publicKey) => ({
      publicKey,
      sign: async (context, message) => addon.mlDsaSignSync(keyOf(publicKey), context, message),
    }),
    signTransaction: (networkId, publicKey, body) =>
      addon.mlDsaSignSync(keyOf(publicKey), transactionContext(networkId), body),
    isSignedBy: (networkId, publicKey, body, signature) =>
      addon.mlDsaVerifySync(publicKey, transactionContext(networkId), body, signature),
    openLedger: (node, genesis, accounts, snapshot) => {
      const accountsFile = join(folder, 'accounts.bin');
      writeFileSync(accountsFile, accounts);
      const keyFile = join(folder, `keys-${node}.bin`);
      const options = { genesis, accountsFile, keyFile, threads: 1, verification: 'ml-dsa-87' } as const;
      const ledger = new NativeLedger(options, snapshot);
      ledgers.push(ledger);
      return ledger;
    },
    dispose: () => {
      for (const ledger of ledgers) ledger.close();
      rmSync(folder, { recursive: true });
    },
  };
}

type Check = (publicKey: Uint8Array, context: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

function verifierOf(isValid: Check): Verifier {
  return {
    verify: async (...item) => isValid(...item),
    verifyMany: async (items) =>
      Uint8Array.from(items, ({ publicKey, context, message, signature }) =>
        isValid(publicKey, context, message, signature) ? 1 : 0,
      ),
  };
}

/** Stands for a signature: binds key, context and message, and costs one hash. */
function tag(hasher: Hasher, publicKey: Uint8Array, context: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_BYTES);
  signature.set(hasher.hash('sig', publicKey.subarray(0, 64), context, message));
  return signature;
}
