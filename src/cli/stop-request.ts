const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A launcher may forward a signal that its terminal has sent to everybody already: that is one request, not two. */
const SAME_REQUEST_MS = 500;
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * The wish that this process ends: a signal, or the end of the IPC channel to the process that started it. The first asks for an orderly
 * stop, a second signal ends the process on the spot.
 */
export class StopRequest {
  readonly received: Promise<string>;
  readonly #dispose: () => void;
  #isReceived = false;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.received = promise;
    let firstMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      const nowMs = performance.now();
      if (firstMs !== undefined && nowMs - firstMs > SAME_REQUEST_MS)
        process.exit(SIGNAL_STATUS[signal as (typeof SIGNALS)[number]]);
      firstMs ??= nowMs;
      this.#receive(resolve, signal);
    };
    const onDisconnect = (): void => this.#receive(resolve, 'parent ended');
    for (const signal of SIGNALS) process.on(signal, onSignal);
    process.on('disconnect', onDisconnect);
    this.#dispose = () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
      process.off('disconnect', onDisconnect);
      if (process.connected) process.disconnect?.();
    };
  }

  get isReceived(): boolean {
    return this.#isReceived;
  }

  /** Afterwards nothing of this keeps the process running. */
  dispose(): void {
    this.#dispose();
  }

  #receive(resolve: (reason: string) => void, reason: string): void {
    this.#isReceived = true;
    resolve(reason);
  }
}
