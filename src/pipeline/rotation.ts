/** Members in turn: each is taken from the front and comes back at the end. A member is in it at most once. */
export class Rotation<T> {
  /** Those who go before everybody else: they were promised a turn that they did not get. */
  readonly #first = new Set<T>();
  readonly #rest = new Set<T>();

  get size(): number {
    return this.#first.size + this.#rest.size;
  }

  add(member: T): void {
    if (!this.#first.has(member)) this.#rest.add(member);
  }

  addFirst(member: T): void {
    this.#rest.delete(member);
    this.#first.add(member);
  }

  delete(member: T): void {
    this.#first.delete(member);
    this.#rest.delete(member);
  }

  shift(): T | undefined {
    const from = this.#first.size > 0 ? this.#first : this.#rest;
    for (const member of from) {
      from.delete(member);
      return member;
    }
    return undefined;
  }
}
