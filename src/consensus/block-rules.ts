import type { Committee } from '../params/committee.ts';
import { type BlockRef, formatRef, type SignedHeader } from '../types/block.ts';
import type { BlockId, Round } from '../types/ids.ts';
import { BlockError } from './errors.ts';

/** Epoch, author and first round: check 3 of docs/spec/block.md. */
export function checkIdentity(
  header: SignedHeader,
  at: { readonly epoch: number; readonly committee: Committee },
): BlockError | undefined {
  const { epoch, author, round } = header;
  if (epoch < at.epoch) {
    return new BlockError('EPOCH_PAST', 'ignore', `the epoch is ${at.epoch}`, { epoch, current: at.epoch });
  }
  if (epoch > at.epoch) {
    return new BlockError('EPOCH_AHEAD', 'ignore', `the epoch is ${at.epoch}; ask for the hand-over`, {
      epoch,
      current: at.epoch,
    });
  }
  if (author >= at.committee.size) {
    return new BlockError('AUTHOR_UNKNOWN', 'penalise', `the committee has ${at.committee.size} members`, { author });
  }
  if (round < 1) return new BlockError('ROUND_ZERO', 'penalise', 'blocks start at round 1', { author });
  return undefined;
}

/** Lower end of the window of rounds: check 4. The upper end is no fault of anybody, see `Core.precheck`. */
export function checkCollected(header: SignedHeader, gcRound: Round): BlockError | undefined {
  if (header.round > gcRound) return undefined;
  return new BlockError('ROUND_COLLECTED', 'ignore', `rounds up to ${gcRound} are collected`, {
    round: header.round,
    gcRound,
  });
}

/** Shape of the references: check 6. `genesis` holds the id of each member's virtual block of round 0. */
export function checkAncestors(
  header: SignedHeader,
  at: { readonly committee: Committee; readonly genesis: readonly BlockRef[] },
): BlockError | undefined {
  const { ancestors, author, round } = header;
  const own = ancestors[0];
  if (own?.author !== author)
    return fault('ANCESTOR_OWN_FIRST', header, 'the first ancestor is the own previous block');
  let previousAuthor = -1;
  let powerBelow = 0;
  for (const [position, ref] of ancestors.entries()) {
    if (ref.author >= at.committee.size)
      return fault('ANCESTOR_AUTHOR_UNKNOWN', header, 'an ancestor of no member', position);
    if (position > 0) {
      if (ref.author <= previousAuthor || ref.author === author) {
        return fault('ANCESTORS_UNSORTED', header, 'ancestors of others ascend by author, each author once', position);
      }
      previousAuthor = ref.author;
    }
    if (ref.round >= round) return fault('ANCESTOR_ROUND', header, 'ancestors are of lower rounds', position);
    if (ref.round === 0 && ref.id !== genesisId(at.genesis, ref)) {
      return fault('ANCESTOR_GENESIS', header, 'round 0 holds the genesis blocks only', position);
    }
    if (ref.round === round - 1) powerBelow += at.committee.power(ref.author);
  }
  if (powerBelow >= at.committee.quorum) return undefined;
  return new BlockError(
    'ANCESTORS_NO_QUORUM',
    'penalise',
    `${formatRef(header.ref)} needs a quorum of the round below`,
    {
      author,
      round,
      power: powerBelow,
      quorum: at.committee.quorum,
    },
  );
}

function genesisId(genesis: readonly BlockRef[], ref: BlockRef): BlockId | undefined {
  return genesis[ref.author]?.id;
}

function fault(code: BlockError['code'], header: SignedHeader, message: string, position = 0): BlockError {
  const { author, round } = header;
  return new BlockError(code, 'penalise', `${formatRef(header.ref)}: ${message}`, { author, round, position });
}
