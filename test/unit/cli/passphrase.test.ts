import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { readPassphrase } from '../../../src/cli/passphrase.ts';
import { withFolder } from './scratch-folder.ts';

const read = (content: string | Uint8Array): Promise<string> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  withFolder(async (folder) => {
    const path = join(folder, 'passphrase');
    writeFileSync(path, content, { mode: 0o600 });
    const secret = await readPassphrase(path, { isNew: false });
    resolve(new TextDecoder().decode(secret.reveal()));
  }).catch(reject);
  return promise;
};

suite('passphrase from a file', () => {
  test('the line break of an editor does not belong to it, blanks do', async () => {
    assert.equal(await read('correct horse \n'), 'correct horse ');
    assert.equal(await read('correct horse\r\n'), 'correct horse');
    assert.equal(await read('correct horse'), 'correct horse');
  });

  for (const [name, content] of [
    ['an empty file', ''],
    ['an empty line', '\n'],
    ['more than 1,024 bytes', 'x'.repeat(1_025)],
  ] as const) {
    test(`${name} is refused`, () => assert.rejects(read(content), { code: 'PASSPHRASE_UNUSABLE' }));
  }

  test('without a file and without a terminal it says what to do', { skip: process.stdin.isTTY }, () =>
    assert.rejects(readPassphrase(undefined, { isNew: true }), {
      code: 'PASSPHRASE_MISSING',
      message: /--passphrase-file/,
    }),
  );
});
