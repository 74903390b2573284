import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nobleBackend } from '../../../src/crypto/noble.ts';
import { ledgerVectors } from './golden.ts';

// Run by hand when the format changes on purpose: node test/vectors/ledger/make-golden.ts
for (const [file, content] of Object.entries(ledgerVectors(nobleBackend().hasher))) {
  writeFileSync(join(import.meta.dirname, file), `${JSON.stringify(content, undefined, 1)}\n`);
}
