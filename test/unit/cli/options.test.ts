import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { isHandle, requireId, withClient } from '../../../src/cli/client.ts';
import { readConfig } from '../../../src/cli/config-options.ts';
import { amountOption, integerOption } from '../../../src/cli/number-option.ts';
import { withFolder } from './scratch-folder.ts';

suite('numbers', () => {
  test('integers within their bounds', () => {
    assert.equal(integerOption('--n', undefined, 1, 9), undefined);
    assert.equal(integerOption('--n', '9', 1, 9), 9);
    for (const text of ['0', '10', '-1', '1.5', '1e0', ' 1', '', '0x1', '99999999999999999999']) {
      assert.throws(() => integerOption('--n', text, 1, 9), { code: 'USAGE', fields: { option: '--n' } }, text);
    }
  });

  test('amounts are whole u64', () => {
    assert.equal(amountOption('--amount', '18446744073709551615'), 2n ** 64n - 1n);
    for (const text of ['18446744073709551616', '01', '-1', '1.5', '', '1_000']) {
      assert.throws(() => amountOption('--amount', text), { code: 'USAGE', fields: { option: '--amount' } }, text);
    }
  });
});

suite('names of accounts and transactions', () => {
  test('a handle is a number without leading zeros', () => {
    assert.deepEqual(['0', '42', '4294967295', '01', '-1', '12345678901', 'ab'].map(isHandle), [
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test('an id has 64 lower-case digits', () => {
    const id = 'ab'.repeat(32);
    assert.equal(requireId(id, '--to'), id);
    for (const text of [id.toUpperCase(), id.slice(1), '']) {
      assert.throws(() => requireId(text, '--to'), { code: 'USAGE', fields: { option: '--to' } });
    }
  });

  test('only http and https are asked', async () => {
    for (const url of ['ftp://a', 'localhost:8181', '']) {
      await assert.rejects(
        withClient({ url: [url] }, async () => 0),
        { code: 'USAGE', fields: { option: '--url' } },
        url,
      );
    }
  });
});

suite('configuration file', () => {
  const withFile = (content: string, use: (path: string) => Promise<void>): Promise<void> =>
    withFolder(async (folder) => {
      const path = join(folder, 'node.json');
      writeFileSync(path, content);
      await use(path);
    });

  test('a flag goes before the file', () =>
    withFile('{"nodeId":"a","logLevel":"warn"}', async (path) => {
      const { config, origins } = await readConfig({ config: path, logLevel: 'debug' });
      assert.deepEqual([config.nodeId, config.logLevel], ['a', 'debug']);
      assert.deepEqual([origins.get('nodeId'), origins.get('logLevel')], ['file', 'flag']);
    }));

  test('what is no JSON, or names an unknown setting, is refused with the path', async () => {
    await withFile('{', (path) =>
      assert.rejects(readConfig({ config: path }), { code: 'FILE_INVALID', fields: { path } }),
    );
    await withFile('{"nodeId":"a","colour":1}', (path) =>
      assert.rejects(
        readConfig({ config: path }),
        (error: Error) => error.message.includes(path) && error.message.includes('colour'),
      ),
    );
  });
});
