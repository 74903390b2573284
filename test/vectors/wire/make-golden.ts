import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { wireVectors } from './golden.ts';

// Run by hand when a format changes on purpose: node test/vectors/wire/make-golden.ts
for (const [file, content] of Object.entries(wireVectors(nativeBackend().hasher))) {
  writeFileSync(join(import.meta.dirname, file), `${JSON.stringify(content, undefined, 1)}\n`);
}
