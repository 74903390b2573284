import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAddress, resolveHost, toMultiaddr } from '../../../src/network/address.ts';
import { NetworkError } from '../../../src/network/errors.ts';

describe('addresses', () => {
  const valid: readonly (readonly [string, string])[] = [
    ['10.0.0.1:30303', '/ip4/10.0.0.1/tcp/30303'],
    ['[::1]:0', '/ip6/::1/tcp/0'],
    ['validator-1:65535', '/dns/validator-1/tcp/65535'],
    ['av10_validator_1.net.example:1', '/dns/av10_validator_1.net.example/tcp/1'],
  ];
  for (const [address, expected] of valid) {
    it(`reads ${address}`, () => assert.equal(toMultiaddr(parseAddress(address)).toString(), expected));
  }

  const invalid = [
    '',
    'host',
    'host:',
    ':1',
    'host:65536',
    'host:1x',
    '::1:1',
    '[::1]',
    '[host]:1',
    '10.0.0.256:1',
    'a b:1',
    '-a:1',
    'a/b:1',
    'a..b:1',
  ];
  for (const address of invalid) {
    it(`refuses '${address}'`, () => {
      assert.throws(
        () => parseAddress(address),
        (error) => {
          assert.ok(error instanceof NetworkError);
          assert.equal(error.code, 'ADDRESS_INVALID');
          assert.deepEqual(error.fields, { address });
          return true;
        },
      );
    });
  }

  it('resolves an address to itself', async () => {
    assert.deepEqual(await resolveHost('10.0.0.1'), ['10.0.0.1']);
    assert.deepEqual(await resolveHost('::1'), ['::1']);
  });
});
