import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConfigSources, type NodeConfig, type ResolvedConfig, resolveConfig } from '../../../src/node/config.ts';
import { CONFIG_FIELDS } from '../../../src/node/config-fields.ts';
import { NodeError } from '../../../src/node/errors.ts';

const NAMED = { nodeId: 'v1' };
const resolve = (sources: Partial<ConfigSources>): ResolvedConfig =>
  resolveConfig({ flags: NAMED, environment: {}, ...sources });
const inFile = (content: unknown): Pick<ConfigSources, 'file'> => ({ file: { path: 'node.json', content } });

/** For `assert.throws`: exactly these problems, each on a line of the message. */
function refusal(...problems: string[]) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof NodeError, String(error));
    assert.deepEqual(
      { code: error.code, fields: error.fields },
      { code: 'CONFIG_INVALID', fields: { problems: problems.length } },
    );
    assert.deepEqual(error.message.split('\n  - ').slice(1), problems);
    return true;
  };
}

describe('configuration', () => {
  it('has defaults for everything but the name', () => {
    const { config, origins } = resolve({});
    assert.equal(config.apiListen, '0.0.0.0:8080');
    assert.equal(config.targetTps, 1_000_000);
    assert.deepEqual(config.peerAddresses, new Map());
    assert.deepEqual(config.trustedSources, []);
    const others = [...origins].filter(([name]) => name !== 'nodeId').map(([, origin]) => origin);
    assert.deepEqual(new Set(others), new Set(['default']));
    assert.equal(origins.size, CONFIG_FIELDS.length);
    assert.throws(() => resolve({ flags: {} }), refusal('nodeId (default): must be given'));
  });

  it('takes a flag before the environment before the file before the default', () => {
    const sources = [
      { flags: { ...NAMED, logLevel: 'error' }, origin: 'flag', logLevel: 'error' },
      { environment: { AV10_LOG_LEVEL: 'warn' }, origin: 'environment', logLevel: 'warn' },
      { ...inFile({ logLevel: 'debug' }), origin: 'file', logLevel: 'debug' },
      { origin: 'default', logLevel: 'info' },
    ];
    for (let from = 0; from < sources.length; from++) {
      const { origin, logLevel } = sources[from] ?? assert.fail();
      const { config, origins } = resolve(Object.assign({}, ...sources.slice(from).toReversed()));
      assert.deepEqual([config.logLevel, origins.get('logLevel')], [logLevel, origin]);
    }
  });

  it('knows a few variables without prefix, which come before the prefixed ones', () => {
    const named = resolve({ flags: {}, environment: { NODE_ID: 'a', AV10_NODE_ID: 'b', TARGET_TPS: '7' } });
    assert.deepEqual([named.config.nodeId, named.config.targetTps], ['a', 7]);
    assert.equal(resolve({ flags: {}, environment: { AV10_NODE_ID: 'b' } }).config.nodeId, 'b');
  });

  it('puts files below the base folder unless they are named', () => {
    const { config } = resolve({ flags: { ...NAMED, baseDir: '/srv', dataDir: '/disk/data' } });
    assert.deepEqual(
      [config.genesisFile, config.keysDir, config.dataDir, config.guardDir],
      ['/srv/genesis.json', '/srv/keys', '/disk/data', '/srv/guard/v1'],
    );
  });

  it('gives every setting a flag, a variable and a line of help of its own', () => {
    for (const part of [
      CONFIG_FIELDS.map(({ name }) => name),
      CONFIG_FIELDS.map(({ flag }) => flag),
      CONFIG_FIELDS.flatMap(({ environment }) => environment),
      CONFIG_FIELDS.map(({ help }) => help),
    ]) {
      assert.equal(new Set(part).size, part.length);
    }
    assert.deepEqual(
      CONFIG_FIELDS.filter(
        ({ name, environment }) => !environment.includes(`AV10_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`),
      ),
      [],
    );
  });
});

describe('configuration values', () => {
  const accepted: readonly [name: keyof NodeConfig, given: unknown, value: unknown][] = [
    ['targetTps', '5', 5],
    ['targetTps', 5, 5],
    ['aiEnabled', 'true', true],
    ['aiEnabled', false, false],
    ['quantumLevel', '5', 5],
    ['p2pListen', '[::1]:0', '[::1]:0'],
    ['p2pListen', 'validator-1.example:65535', 'validator-1.example:65535'],
    ['trustedProxies', '10.0.0.1,,10.0.0.2', ['10.0.0.1', '10.0.0.2']],
    ['trustedProxies', ['10.0.0.1'], ['10.0.0.1']],
    ['redisNodes', 'a:1,[::1]:2', ['a:1', '[::1]:2']],
    [
      'peerAddresses',
      'a=x:1,b=[::1]:2',
      new Map([
        ['a', 'x:1'],
        ['b', '[::1]:2'],
      ]),
    ],
    ['peerAddresses', { a: 'x:1' }, new Map([['a', 'x:1']])],
  ];
  for (const [name, given, value] of accepted) {
    it(`take ${name} = ${JSON.stringify(given)}`, () => {
      assert.deepEqual(resolve(inFile({ [name]: given })).config[name], value);
    });
  }

  const refused: readonly [name: keyof NodeConfig, given: unknown, problem: string][] = [
    ['redisNodes', 'a:1,b', 'host:port expected, got "b"'],
    ['baseDir', '', 'must be given'],
    ['baseDir', 5, 'text of 1 to 4096 characters expected'],
    ['dataDir', 'x'.repeat(4_097), 'text of 0 to 4096 characters expected'],
    ['targetTps', '0', 'an integer from 1 to 1000000000000 expected, got "0"'],
    ['targetTps', 1.5, 'an integer from 1 to 1000000000000 expected, got 1.5'],
    ['targetTps', '1e3', 'an integer from 1 to 1000000000000 expected, got "1e3"'],
    ['targetTps', null, 'an integer from 1 to 1000000000000 expected, got null'],
    ['verifyWorkers', '-1', 'an integer from 0 to 256 expected, got "-1"'],
    ['aiEnabled', 'yes', 'true or false expected, got "yes"'],
    ['quantumLevel', '3', 'only level 5 (ML-DSA-87, ML-KEM-1024) exists, got "3"'],
    ['logLevel', 'INFO', 'one of debug, info, warn, error expected, got "INFO"'],
    ['p2pListen', '0.0.0.0', 'host:port expected, got "0.0.0.0"'],
    ['p2pListen', ':80', 'host:port expected, got ":80"'],
    ['p2pListen', 'x:65536', 'host:port expected, got "x:65536"'],
    ['p2pListen', '::1:80', 'host:port expected, got "::1:80"'],
    ['trustedProxies', [1], 'a list of at most 256 texts expected'],
    ['trustedProxies', Array.from({ length: 257 }, () => 'x'), 'a list of at most 256 texts expected'],
    ['peerAddresses', 'a', 'name=host:port expected for each, once a name; see "a"'],
    ['peerAddresses', 'a=x:1=2', 'name=host:port expected for each, once a name; see "a"'],
    ['peerAddresses', 'a=x:1,a=y:2', 'name=host:port expected for each, once a name; see "a"'],
    ['peerAddresses', 5, 'at most 256 of name=host:port expected'],
    ['peerAddresses', ['a=x:1'], 'at most 256 of name=host:port expected'],
  ];
  for (const [name, given, problem] of refused) {
    it(`refuse ${name} = ${JSON.stringify(given)?.slice(0, 40)}`, () => {
      assert.throws(() => resolve(inFile({ [name]: given })), refusal(`${name} (node.json): ${problem}`));
    });
  }
});

describe('configuration is refused', () => {
  it('for a variable that is no setting, unless it belongs to a tool', () => {
    const problem = 'environment variable AV10_TARGET_TSP: no such setting; see `av10 start --help`';
    assert.throws(() => resolve({ environment: { AV10_TARGET_TSP: '1' } }), refusal(problem));
    assert.equal(resolve({ environment: { AV10_TEST_REQUIRE: '1', PATH: '/bin' } }).config.nodeId, 'v1');
  });

  it('for a key of the file that is no setting', () => {
    assert.throws(() => resolve(inFile({ targetTsp: 1 })), refusal('node.json: no such setting: targetTsp'));
  });

  for (const content of [null, [], 'text', 5]) {
    it(`for a file that holds ${JSON.stringify(content)}`, () => {
      assert.throws(() => resolve(inFile(content)), refusal('node.json: an object expected'));
    });
  }

  it('with every problem, and where each came from', () => {
    const sources = {
      flags: { apiListen: 'x' },
      environment: { AV10_X: '1', TARGET_TPS: '0' },
      ...inFile({ logLevel: 'loud', y: 1 }),
    };
    assert.throws(
      () => resolve(sources),
      refusal(
        'environment variable AV10_X: no such setting; see `av10 start --help`',
        'node.json: no such setting: y',
        'nodeId (default): must be given',
        'apiListen (--api-listen): host:port expected, got "x"',
        'targetTps (environment variable TARGET_TPS): an integer from 1 to 1000000000000 expected, got "0"',
        'logLevel (node.json): one of debug, info, warn, error expected, got "loud"',
      ),
    );
  });
});
