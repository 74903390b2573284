import type { TestDevnet } from './devnet.ts';
import { type Conditions, TcpProxy } from './tcp-proxy.ts';

/** Every link of a devnet through proxies, one for each validator that dials and each that it dials. */
export class ProxyMesh {
  readonly #devnet: TestDevnet;
  /** By the one that dials, then by the one that is dialled; none to itself. */
  readonly #proxies: readonly (readonly (TcpProxy | undefined)[])[];

  /** Starts every validator again, with the proxies for addresses of the others. */
  static async around(devnet: TestDevnet, seed: number): Promise<ProxyMesh> {
    const all = [...devnet.file.validators.keys()];
    const proxies: (TcpProxy | undefined)[][] = [];
    for (const from of all) {
      const row: (TcpProxy | undefined)[] = [];
      for (const to of all) {
        const port = Number(devnet.p2pAddress(to).split(':')[1]);
        row.push(from === to ? undefined : await TcpProxy.listen(port, seed + from * all.length + to));
      }
      proxies.push(row);
    }
    const mesh = new ProxyMesh(devnet, proxies);
    for (const validator of all) await devnet.kill(validator);
    for (const validator of all) mesh.restart(validator);
    await Promise.all(all.map((validator) => devnet.untilHealthy(validator)));
    return mesh;
  }

  private constructor(devnet: TestDevnet, proxies: readonly (readonly (TcpProxy | undefined)[])[]) {
    this.#devnet = devnet;
    this.#proxies = proxies;
  }

  restart(validator: number): void {
    const row = this.#proxies[validator] ?? [];
    const addresses = row.flatMap((proxy, to) =>
      proxy === undefined ? [] : `${this.#devnet.file.validators[to]?.name}=127.0.0.1:${proxy.port}`,
    );
    this.#devnet.restart(validator, '--peer-addresses', addresses.join());
  }

  /** Of all links, both ways. */
  set(conditions: Partial<Conditions>): void {
    for (const proxy of this.#proxies.flat()) proxy?.set(conditions);
  }

  /** Of what one validator says, to all others or to one, whoever dialled. */
  setFrom(speaker: number, conditions: Partial<Conditions>, ...hearers: readonly number[]): void {
    for (const hearer of hearers.length === 0 ? this.#proxies.keys() : hearers) {
      this.#proxies[speaker]?.[hearer]?.set(conditions, 'there');
      this.#proxies[hearer]?.[speaker]?.set(conditions, 'back');
    }
  }

  /** Ends every connection between the two sides, and refuses new ones. */
  cut(side: readonly number[], other: readonly number[]): void {
    for (const a of side) for (const b of other) for (const proxy of this.#between(a, b)) proxy.cut();
  }

  mend(): void {
    for (const proxy of this.#proxies.flat()) proxy?.mend();
  }

  close(): void {
    for (const proxy of this.#proxies.flat()) proxy?.close();
  }

  #between(a: number, b: number): TcpProxy[] {
    return [this.#proxies[a]?.[b], this.#proxies[b]?.[a]].filter((proxy) => proxy !== undefined);
  }
}
