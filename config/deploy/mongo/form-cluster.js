// Makes one sharded cluster of the compose file's MongoDB servers; once. Run by `mongosh --nodb`: docs/archive.md.
const PORT = 27017;
const LIMIT_MS = 180_000;
const PAUSE_MS = 1_000;
const NOT_YET_INITIALIZED = 94;

const CONFIG_SERVERS = ['mongo-config-1', 'mongo-config-2', 'mongo-config-3'];
/** A replica set each: on one host more members would fail together. */
const SHARDS = { 'shard-1': ['mongo-shard-1-primary'], 'shard-2': ['mongo-shard-2-primary'] };
const ROUTER = `mongodb://mongodb-router:${PORT}/`;

formSet('config', CONFIG_SERVERS, { configsvr: true });
for (const [name, hosts] of Object.entries(SHARDS)) formSet(name, hosts, {});
const router = eventually('the router answers', () => admin(ROUTER));
for (const [name, hosts] of Object.entries(SHARDS)) {
  // Adding a shard that is there changes nothing.
  eventually(`${name} is a shard`, () => router.runCommand({ addShard: `${name}/${hosts.map(address).join(',')}`, name }));
  print(`${name} is a shard`);
}

function formSet(name, hosts, kind) {
  const first = eventually(`${hosts[0]} answers`, () => admin(direct(hosts[0])));
  if (!isFormed(first)) {
    const members = hosts.map((host, _id) => ({ _id, host: address(host) }));
    first.runCommand({ replSetInitiate: { _id: name, ...kind, members } });
  }
  eventually(`${name} has a primary`, () => {
    const { primary } = first.runCommand({ hello: 1 });
    if (primary === undefined) throw new Error('no primary yet');
  });
  print(`replica set ${name} has a primary`);
}

function isFormed(database) {
  try {
    database.runCommand({ replSetGetStatus: 1 });
    return true;
  } catch (error) {
    if (error.code === NOT_YET_INITIALIZED) return false;
    throw error;
  }
}

function admin(uri) {
  const database = new Mongo(uri).getDB('admin');
  database.runCommand({ ping: 1 });
  return database;
}

function direct(host) {
  return `mongodb://${address(host)}/?directConnection=true`;
}

function address(host) {
  return `${host}:${PORT}`;
}

/** Servers that were just started need a while. */
function eventually(what, action) {
  for (const endMs = Date.now() + LIMIT_MS; ; sleep(PAUSE_MS)) {
    try {
      return action();
    } catch (error) {
      if (Date.now() > endMs) throw new Error(`not within ${LIMIT_MS / 1_000} s: ${what}: ${error.message}`);
    }
  }
}
