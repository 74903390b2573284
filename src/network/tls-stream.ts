import type { TLSSocket } from 'node:tls';
import type { AbortOptions, MultiaddrConnection } from '@libp2p/interface';
import { AbstractMessageStream } from '@libp2p/utils';

type SentBytes = Parameters<AbstractMessageStream['sendData']>[0];
type SendResult = ReturnType<AbstractMessageStream['sendData']>;

/** The deciphered side of a connection as libp2p's stream multiplexer wants it; ends with the connection, and the other way round. */
export class TlsStream extends AbstractMessageStream {
  readonly #socket: TLSSocket;
  readonly #connection: MultiaddrConnection;

  constructor(socket: TLSSocket, connection: MultiaddrConnection) {
    super({
      log: connection.log,
      direction: connection.direction,
      maxReadBufferLength: connection.maxReadBufferLength,
    });
    this.#socket = socket;
    this.#connection = connection;
    socket.on('data', (bytes: Buffer) => this.onData(bytes));
    socket.on('drain', () => this.safeDispatchEvent('drain'));
    socket.on('error', (error) => connection.abort(error));
    socket.on('end', () => this.onRemoteCloseWrite());
    connection.addEventListener('close', ({ error, local }) => {
      if (error === undefined) this.onTransportClosed();
      else if (local === true) this.abort(error);
      else this.onRemoteReset();
    });
  }

  /** One gathered write, so that a multiplexer's header and its data share TLS records. */
  override sendData(data: SentBytes): SendResult {
    this.#socket.cork();
    for (const bytes of data) this.#socket.write(bytes);
    this.#socket.uncork();
    return { sentBytes: data.byteLength, canSendMore: !this.#socket.writableNeedDrain };
  }

  override async close(options?: AbortOptions): Promise<void> {
    await this.#connection.close(options);
  }

  override sendReset(error: Error): void {
    this.#connection.abort(error);
  }

  override sendPause(): void {
    this.#socket.pause();
  }

  override sendResume(): void {
    this.#socket.resume();
  }
}
