/** The rooms of src/, lowest layer first. A room imports from layers below it, never from a neighbour in its own layer. */
export const LAYERS: readonly (readonly string[])[] = [
  ['util'],
  ['addon'],
  ['crypto'],
  ['types'],
  ['params'],
  ['consensus', 'execution'],
  ['storage', 'cache', 'network', 'pipeline', 'metrics', 'client'],
  ['replica'],
  ['api'],
  ['node'],
  ['cli'],
  ['main'],
];

/**
 * Where each third-party package may be imported: its door, one folder under src/ (a few definitions-only packages have more).
 * A name ending in `/*` stands for a whole scope. A package that is not listed may not be imported at all.
 */
export const DOORS: Readonly<Record<string, readonly string[]>> = {
  '@chainsafe/libp2p-noise': ['network'],
  '@libp2p/*': ['network'],
  '@multiformats/multiaddr': ['network'],
  '@peculiar/*': ['network'],
  libp2p: ['network'],
  '@noble/*': ['crypto'],
  mongodb: ['storage/mongo'],
  ioredis: ['cache'],
  'lru-cache': ['cache'],
  piscina: ['pipeline'],
  'prom-client': ['metrics'],
  fastify: ['api'],
  '@fastify/*': ['api'],
  pino: ['node'],
  commander: ['cli'],
  typebox: ['types', 'params', 'api', 'node'], // one schema language: wire types, parameters, routes, operator options
};

/** The rooms that must compute the same on every node: no clock, no chance, no machine, hence nothing of Node's. */
export const DETERMINISTIC_ROOMS: readonly string[] = ['consensus', 'execution', 'types'];

/** Loading by `require` reaches the native addon and steps around every rule above: one room may do it. */
export const REQUIRE_DOOR = 'addon';
