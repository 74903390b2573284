import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { BSON, type Document } from 'mongodb';

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_BYTES = 16;

/** What a server says of itself. */
export const SCRIPTED_HELLO: Document = {
  ...{ ok: 1, isWritablePrimary: true, minWireVersion: 0, maxWireVersion: 25, logicalSessionTimeoutMinutes: 30 },
  ...{ maxBsonObjectSize: 16_777_216, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000 },
};

/** The driver asks in the old way first. */
export function isHello(command: Document): boolean {
  return 'hello' in command || 'ismaster' in command;
}

/** Answers a command; `undefined` for what it does not know. */
export type Script = (command: Document) => Document | undefined;

/** Speaks as much of the MongoDB wire protocol as a driver needs to send commands, answers what a test says, and remembers them. */
export class ScriptedMongo {
  readonly commands: Document[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #script: Script;

  static async start(script: Script): Promise<ScriptedMongo> {
    const scripted = new ScriptedMongo(script);
    scripted.#server.listen(0, '127.0.0.1');
    await once(scripted.#server, 'listening');
    return scripted;
  }

  private constructor(script: Script) {
    this.#script = script;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  get uri(): string {
    const address = this.#server.address();
    return `mongodb://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/?directConnection=true`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let buffered = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= HEADER_BYTES && buffered.length >= buffered.readInt32LE(0)) {
        const message = buffered.subarray(0, buffered.readInt32LE(0));
        buffered = buffered.subarray(message.length);
        socket.write(this.#answer(message));
      }
    });
  }

  #answer(message: Buffer): Buffer {
    const [requestId, opcode] = [message.readInt32LE(4), message.readInt32LE(12)];
    if (opcode === OP_QUERY) {
      const nameEnd = message.indexOf(0, HEADER_BYTES + 4);
      return reply(requestId, OP_REPLY, [
        Buffer.alloc(20).fill(Buffer.from([1]), 16, 17),
        this.#document(message.subarray(nameEnd + 9)),
      ]);
    }
    return reply(requestId, OP_MSG, [Buffer.alloc(5), this.#document(sections(message))]);
  }

  #document(bytes: Uint8Array | Document): Uint8Array {
    const command = bytes instanceof Uint8Array ? BSON.deserialize(bytes) : bytes;
    this.commands.push(command);
    return BSON.serialize(this.#script(command) ?? { ok: 0, code: 59, codeName: 'CommandNotFound', errmsg: 'unknown' });
  }
}

/** The command with the documents of its sequences as an array under their name. */
function sections(message: Buffer): Document {
  let command: Document = {};
  for (let at = HEADER_BYTES + 4; at < message.length; ) {
    const kind = message[at];
    const size = message.readInt32LE(at + 1);
    const body = message.subarray(at + 1, at + 1 + size);
    if (kind === 0) command = { ...BSON.deserialize(body), ...command };
    else {
      const nameEnd = body.indexOf(0, 4);
      const documents: Document[] = [];
      for (let next = nameEnd + 1; next < body.length; next += body.readInt32LE(next))
        documents.push(BSON.deserialize(body.subarray(next, next + body.readInt32LE(next))));
      command[body.toString('utf8', 4, nameEnd)] = documents;
    }
    at += 1 + size;
  }
  return command;
}

function reply(responseTo: number, opcode: number, parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32LE(HEADER_BYTES + body.length, 0);
  header.writeInt32LE(responseTo, 8);
  header.writeInt32LE(opcode, 12);
  return Buffer.concat([header, body]);
}
