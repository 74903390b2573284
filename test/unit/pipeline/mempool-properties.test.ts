import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Mempool, PooledTransaction } from '../../../src/pipeline/index.ts';
import type { Address, TransactionId } from '../../../src/types/ids.ts';
import { assertDefined } from '../../../src/util/assert.ts';
import { applied, dropped, mempoolFixture, pooled } from './mempool-fixture.ts';
import { address, NOW_MS, TestAccounts } from './test-accounts.ts';

const SENDERS = [1, 2, 3].map(address);
const OVERHEAD_BYTES = 4 + 4_627;
const MAX_BYTES = 150_000;
const MAX_SENDER_BYTES = 80_000;
const DROPS = ['NONCE_GAP', 'FEE', 'EXPIRED'] as const;

interface Held {
  readonly tx: PooledTransaction;
  reserved: boolean;
}

const sender = fc.nat(SENDERS.length - 1);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      sender,
      nonce: fc.nat(9),
      fee: fc.nat(4),
      bodyBytes: fc.nat(30_000),
      lifeMs: fc.nat(5),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('take' as const), maxBytes: fc.nat(80_000), maxTransactions: fc.nat(6) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('give-back' as const), pick: fc.nat(63) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('apply' as const), sender, held: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('drop' as const),
      pick: fc.nat(63),
      own: fc.boolean(),
      code: fc.constantFrom(...DROPS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('note' as const), sender, nonce: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('collect' as const), pick: fc.nat(63) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), nowMs: fc.nat(6) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The rules of docs/spec/mempool.md in the plainest form, told what the mempool answered and checking each answer. */
class Oracle {
  readonly accounts = new TestAccounts();
  readonly mempool: Mempool;
  readonly held = new Map<TransactionId, Held>();
  readonly notes: { readonly sender: Address; readonly nonce: number; readonly id: TransactionId }[] = [];
  readonly seen = { accepted: 0, taken: 0, evicted: 0, replaced: 0, superseded: 0 };

  constructor() {
    for (const one of SENDERS) this.accounts.set(one);
    this.mempool = mempoolFixture({ maxBytes: MAX_BYTES, maxSenderBytes: MAX_SENDER_BYTES }, this.accounts).mempool;
  }

  perform(s: Step): void {
    if (s.kind === 'add') this.#add(s);
    else if (s.kind === 'take') this.#take(s);
    else if (s.kind === 'give-back') this.#giveBack(s.pick);
    else if (s.kind === 'apply') this.#apply(SENDERS[s.sender] as Address, s.held);
    else if (s.kind === 'drop') this.#drop(s);
    else if (s.kind === 'note') this.#note(SENDERS[s.sender] as Address, s.nonce);
    else if (s.kind === 'collect') this.#collect(s.pick);
    else this.#expire(NOW_MS + s.nowMs);
    this.#check();
  }

  #add(s: Step & { kind: 'add' }): void {
    const from = SENDERS[s.sender] as Address;
    const tx = pooled({
      sender: from,
      nonce: s.nonce,
      fee: BigInt(s.fee),
      bodyBytes: 64 + s.bodyBytes,
      expiryMs: NOW_MS + s.lifeMs,
    });
    const holder = this.#of(from).find((held) => held.tx.nonce === s.nonce);
    const mine =
      this.#of(from).reduce((sum, held) => sum + size(held.tx), 0) - (holder === undefined ? 0 : size(holder.tx));
    const outcome = this.mempool.add(tx);
    if (outcome.kind === 'accepted') {
      this.seen.accepted += 1;
      for (const id of outcome.displaced) this.#displace(id, holder);
      this.held.set(tx.id, { tx, reserved: false });
      assert.ok(s.nonce >= this.#next(from) && mine + size(tx) <= MAX_SENDER_BYTES);
      assert.ok(holder === undefined || (!holder.reserved && tx.fee >= 2n * holder.tx.fee && tx.fee > holder.tx.fee));
      return;
    }
    const { code } = outcome.kind === 'refused' ? outcome.error : assert.fail('a new id is not known');
    if (code === 'NONCE_USED') assert.ok(s.nonce < this.#next(from));
    else if (code === 'SLOT_TAKEN')
      assert.ok(holder?.reserved || tx.fee < 2n * (holder as Held).tx.fee || tx.fee <= (holder as Held).tx.fee);
    else if (code === 'SENDER_LIMIT') assert.ok(mine + size(tx) > MAX_SENDER_BYTES);
    else {
      assert.equal(code, 'MEMPOOL_FULL');
      assert.ok(this.#bytes() + size(tx) > MAX_BYTES);
    }
  }

  #displace(id: TransactionId, holder: Held | undefined): void {
    const gone = assertDefined(this.held.get(id), 'only what is held is displaced');
    if (gone === holder) this.seen.replaced += 1;
    else {
      this.seen.evicted += 1;
      assert.ok(!gone.reserved && !this.#eligible().includes(gone), 'only what waits behind a gap is evicted');
    }
    this.held.delete(id);
  }

  #take(limits: { maxBytes: number; maxTransactions: number }): void {
    const eligible = this.#eligible();
    const taken = this.mempool.take(limits);
    assert.ok(taken.length <= limits.maxTransactions);
    assert.ok(taken.reduce((sum, tx) => sum + size(tx), 0) <= limits.maxBytes);
    for (const from of SENDERS) {
      const mine = taken.filter((tx) => tx.sender === from).map((tx) => tx.id);
      const expected = eligible.filter((held) => held.tx.sender === from).map((held) => held.tx.id);
      assert.deepEqual(mine, expected.slice(0, mine.length), 'a beginning of what is eligible, in order');
    }
    const left = eligible.filter((held) => !taken.includes(held.tx));
    if (limits.maxBytes >= MAX_BYTES) assert.ok(taken.length === limits.maxTransactions || left.length === 0);
    for (const tx of taken) (this.held.get(tx.id) as Held).reserved = true;
    this.seen.taken += taken.length;
  }

  #giveBack(pick: number): void {
    const back = [...this.held.values()].filter((held, i) => held.reserved && (pick >> (i % 6)) & 1);
    this.mempool.giveBack(back.map((held) => held.tx.id));
    for (const held of back) held.reserved = false;
  }

  #apply(from: Address, preferHeld: boolean): void {
    const nonce = this.#next(from);
    const holder = this.#of(from).find((held) => held.tx.nonce === nonce);
    const tx = preferHeld && holder !== undefined ? holder.tx : pooled({ sender: from, nonce });
    this.accounts.set(from, { nextNonce: nonce + 1 });
    const superseded = this.mempool.executed([applied(tx, false)]);
    assert.deepEqual(superseded, holder === undefined || holder.tx === tx ? [] : [holder.tx.id]);
    this.seen.superseded += superseded.length;
    if (holder !== undefined) this.held.delete(holder.tx.id);
    this.#forget((note) => note.sender === from && note.nonce === nonce);
  }

  #drop({ pick, own, code }: Step & { kind: 'drop' }): void {
    const all = [...this.held.values()].filter((held) => held.reserved);
    const held = all[pick % Math.max(all.length, 1)];
    if (held === undefined) return;
    this.mempool.executed([dropped(held.tx, code, own)]);
    this.#forget((note) => note.id === held.tx.id);
    if (own && code === 'NONCE_GAP') held.reserved = false;
    else if (own) this.held.delete(held.tx.id);
  }

  #note(from: Address, nonce: number): void {
    if (nonce < this.#next(from)) return;
    const holder = this.#of(from).find((held) => held.tx.nonce === nonce);
    const { id } = holder?.tx ?? pooled();
    this.mempool.noteIncluded(from, nonce, id);
    if (!this.notes.some((note) => note.id === id)) this.notes.push({ sender: from, nonce, id });
  }

  #collect(pick: number): void {
    const note = this.notes[pick % Math.max(this.notes.length, 1)];
    if (note === undefined) return;
    this.mempool.noteCollected(note.sender, note.nonce, note.id);
    this.#forget((other) => other === note);
  }

  #expire(nowMs: number): void {
    const gone = [...this.held.values()].filter(
      (held) => !held.reserved && held.tx.expiryMs < nowMs && !this.#isNoted(held.tx),
    );
    assert.deepEqual([...this.mempool.expire(nowMs)].sort(), gone.map((held) => held.tx.id).sort());
    for (const held of gone) this.held.delete(held.tx.id);
  }

  #check(): void {
    const { transactions, bytes, senders, includedNotes } = this.mempool.stats;
    const expected = [
      this.held.size,
      this.#bytes(),
      SENDERS.filter((one) => this.#of(one).length > 0).length,
      this.notes.length,
    ];
    assert.deepEqual([transactions, bytes, senders, includedNotes], expected);
    assert.equal(this.mempool.hasEligible, this.#eligible().length > 0);
    assert.ok(bytes <= MAX_BYTES);
  }

  #eligible(): Held[] {
    return SENDERS.flatMap((from) => {
      const found: Held[] = [];
      for (let nonce = this.#next(from); ; nonce++) {
        const held = this.#of(from).find((other) => other.tx.nonce === nonce);
        const noted = this.notes.some((note) => note.sender === from && note.nonce === nonce);
        if (held === undefined && !noted) return found;
        if (held !== undefined && !held.reserved && !noted) found.push(held);
      }
    });
  }

  #of(from: Address): Held[] {
    return [...this.held.values()].filter((held) => held.tx.sender === from);
  }

  #isNoted(tx: PooledTransaction): boolean {
    return this.notes.some((note) => note.sender === tx.sender && note.nonce === tx.nonce);
  }

  #forget(matches: (note: Oracle['notes'][number]) => boolean): void {
    for (let i = this.notes.length - 1; i >= 0; i--)
      if (matches(this.notes[i] as Oracle['notes'][number])) this.notes.splice(i, 1);
  }

  #next(from: Address): number {
    return this.accounts.sender(from)?.nextNonce as number;
  }

  #bytes(): number {
    return [...this.held.values()].reduce((sum, held) => sum + size(held.tx), 0);
  }
}

function size(tx: PooledTransaction): number {
  return OVERHEAD_BYTES + tx.body.length;
}

test('any interleaving keeps each transaction once, the bytes exact and the eligible a gapless beginning', () => {
  const total: Record<string, number> = {};
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), (steps) => {
      const oracle = new Oracle();
      for (const s of steps) oracle.perform(s);
      for (const [what, count] of Object.entries(oracle.seen)) total[what] = (total[what] ?? 0) + count;
    }),
    { numRuns: 300 },
  );
  for (const [what, count] of Object.entries(total)) assert.ok(count > 50, `${what} happened only ${count} times`);
});
