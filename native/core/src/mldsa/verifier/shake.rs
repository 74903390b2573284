//! SHAKE128 and SHAKE256 (FIPS 202 section 6.2) of several messages, four at a time.

use super::keccak::{Permute, States, ZERO_STATES};
use super::simd::Simd;

pub(super) const SHAKE128_RATE: usize = 168;
pub(super) const SHAKE256_RATE: usize = 136;

/// Messages side by side.
pub(super) const WIDTH: usize = 4;

/// The first block of output.
pub(super) type HashBlock = [u8; SHAKE256_RATE];

/// A message in pieces, of which the absorbed part is gone.
#[derive(Clone)]
pub(super) struct Message<'a>([&'a [u8]; 4]);

impl<'a> Message<'a> {
    pub(super) fn new<const N: usize>(pieces: [&'a [u8]; N]) -> Self {
        let mut message = Self([&[]; 4]);
        message.0[..N].copy_from_slice(&pieces);
        message
    }

    /// Takes the next block and answers its length, which is that of `block` for all but the last.
    fn take(&mut self, block: &mut [u8]) -> usize {
        let mut filled = 0;
        for piece in &mut self.0 {
            let (now, later) = piece.split_at(piece.len().min(block.len() - filled));
            block[filled..filled + now.len()].copy_from_slice(now);
            filled += now.len();
            *piece = later;
        }
        filled
    }
}

/// Four sponges of a rate in bytes.
pub(super) struct Sponges<const RATE: usize>(States);

impl<const RATE: usize> Sponges<RATE> {
    pub(super) fn new() -> Self {
        Self(ZERO_STATES)
    }

    /// Absorbs the next block of `message` without the permutation after it. True if it was the last one.
    pub(super) fn absorb(&mut self, lane: usize, message: &mut Message<'_>) -> bool {
        let mut block = [0; RATE];
        let length = message.take(&mut block);
        let is_last = length < RATE;
        if is_last {
            block[length] = 0x1f;
            block[RATE - 1] |= 0x80;
        }
        for (words, bytes) in self.0.as_flattened_mut().iter_mut().zip(block.as_chunks().0) {
            words.0[lane] ^= u64::from_le_bytes(*bytes);
        }
        is_last
    }

    pub(super) fn permute<S: Simd>(&mut self, simd: S) {
        simd.run(Permute(&mut self.0));
    }

    pub(super) fn words(&self, lane: usize) -> [u64; 25] {
        let mut words = [0; 25];
        for (word, words) in words.iter_mut().zip(self.0.as_flattened()) {
            *word = words.0[lane];
        }
        words
    }

    fn block(&self, lane: usize) -> [u8; RATE] {
        let mut block = [0; RATE];
        for (bytes, word) in block.as_chunks_mut().0.iter_mut().zip(self.words(lane)) {
            *bytes = word.to_le_bytes();
        }
        block
    }

    fn clear(&mut self, lane: usize) {
        self.0.as_flattened_mut().iter_mut().for_each(|words| words.0[lane] = 0);
    }
}

/// SHAKE256 of each message. A lane whose message has ended goes on with the next one that waits.
pub(super) fn shake256<S: Simd>(simd: S, mut messages: Vec<Message<'_>>) -> Vec<HashBlock> {
    let mut outputs = vec![[0; SHAKE256_RATE]; messages.len()];
    let mut sponges = Sponges::<SHAKE256_RATE>::new();
    let mut waiting = messages.iter_mut().zip(&mut outputs);
    let mut lanes: [_; WIDTH] = std::array::from_fn(|_| waiting.next());
    while lanes.iter().any(Option::is_some) {
        let mut ended = [false; WIDTH];
        for (lane, current) in lanes.iter_mut().enumerate() {
            ended[lane] = current.as_mut().is_some_and(|(message, _)| sponges.absorb(lane, message));
        }
        sponges.permute(simd);
        for (lane, current) in lanes.iter_mut().enumerate().filter(|(lane, _)| ended[*lane]) {
            if let Some((_, output)) = current {
                **output = sponges.block(lane);
            }
            *current = waiting.next();
            sponges.clear(lane);
        }
    }
    outputs
}
