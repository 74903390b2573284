//! What verification needs of a public key: FIPS 204 algorithm 8 lines 1, 5 and 6, and NTT(t1 2^d) of line 9.

use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::field::{Factor, Q};
use super::ntt::{Polynomials, ZERO, transform};
use super::shake::{Message, SHAKE128_RATE, Sponges, WIDTH, shake256};
use super::simd::{Kernel, Lanes, Simd};
use crate::mldsa::PUBLIC_KEY_BYTES;

/// Rows of the matrix A.
const K: usize = 8;
/// Columns of the matrix A, polynomials of z.
pub(super) const L: usize = 7;

/// The seed of A, before t1.
const SEED_BYTES: usize = 32;
const T1_POLYNOMIAL_BYTES: usize = 320;
/// Bits that key generation drops of t.
const D: u32 = 13;
/// Three bytes each, in a block of SHAKE128.
const CANDIDATES: usize = SHAKE128_RATE / 3;
/// Room for the candidates of the block that fills it.
type Sampled = [i32; 256 + CANDIDATES];

/// 16 MiB.
const MAX_SPARE: usize = 256;

/// What takes one coefficient of NTT(z) and NTT(c) to that of NTT(w): the columns of A, then NTT(-t1 2^d). Rows are
/// lanes.
pub(super) type Columns = [Lanes; L + 1];

pub(in super::super) struct ExpandedKey {
    /// By coefficient.
    pub(super) matrix: Box<[Columns]>,
    pub(super) tr: [u8; 64],
}

impl ExpandedKey {
    /// The matrix in memory.
    pub(in super::super) const BYTES: usize = 256 * size_of::<Columns>();

    pub(super) fn new<S: Simd>(simd: S, public_key: &[u8; PUBLIC_KEY_BYTES]) -> Self {
        let (seed, t1) = public_key.split_at(SEED_BYTES);
        let mut matrix = spare().pop().unwrap_or_else(|| vec![[Lanes([0; 8]); L + 1]; 256].into());
        for column in 0..L {
            sample_column(simd, seed, column, &mut matrix);
        }
        for (columns, t1) in matrix.iter_mut().zip(simd.run(TransformT1(t1))) {
            columns[L] = t1;
        }
        let mut tr = [0; 64];
        tr.copy_from_slice(&shake256(simd, vec![Message::new([public_key])])[0][..64]);
        Self { matrix, tr }
    }
}

impl Drop for ExpandedKey {
    fn drop(&mut self) {
        let matrix = take(&mut self.matrix);
        let mut spare = spare();
        if spare.len() < MAX_SPARE {
            spare.push(matrix);
        }
    }
}

/// Matrices of keys that are gone, for those to come: the allocator would return the pages to the system, and to get them
/// back costs a fifth of an expansion.
fn spare() -> MutexGuard<'static, Vec<Box<[Columns]>>> {
    static SPARE: Mutex<Vec<Box<[Columns]>>> = Mutex::new(Vec::new());
    // A list is whole after a panic elsewhere, too.
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// FIPS 204 algorithm 32 (ExpandA) for a column.
fn sample_column<S: Simd>(simd: S, seed: &[u8], column: usize, matrix: &mut [Columns]) {
    let mut sampled = [[0; 256 + CANDIDATES]; K];
    for (half, sampled) in sampled.as_chunks_mut().0.iter_mut().enumerate() {
        sample_entries(simd, seed, column, WIDTH * half, sampled);
    }
    for (n, columns) in matrix.iter_mut().enumerate() {
        columns[column] = Lanes(sampled.each_ref().map(|entry| entry[n]));
    }
}

/// FIPS 204 algorithm 30 (RejNTTPoly) for the entries of a column from `row` on, side by side.
fn sample_entries<S: Simd>(simd: S, seed: &[u8], column: usize, row: usize, sampled: &mut [Sampled; WIDTH]) {
    let mut sponges = Sponges::<SHAKE128_RATE>::new();
    for lane in 0..WIDTH {
        sponges.absorb(lane, &mut Message::new([seed, &[column as u8, (row + lane) as u8]]));
    }
    let mut counts = [0; WIDTH];
    while counts.iter().any(|&count| count < 256) {
        sponges.permute(simd);
        for (lane, count) in counts.iter_mut().enumerate().filter(|(_, count)| **count < 256) {
            *count += keep_below_q(&candidates(&sponges.words(lane)), &mut sampled[lane][*count..]);
        }
    }
}

/// FIPS 204 algorithm 14 (CoeffFromThreeBytes) for a block of SHAKE128.
fn candidates(words: &[u64; 25]) -> [i32; CANDIDATES] {
    let mut candidates = [0; CANDIDATES];
    for (eight, &[a, b, c]) in candidates.as_chunks_mut().0.iter_mut().zip(words.as_chunks().0) {
        *eight = [a, a >> 24, a >> 48 | b << 16, b >> 8, b >> 32, b >> 56 | c << 8, c >> 16, c >> 40]
            .map(|bits| bits as i32 & 0x7f_ffff);
    }
    candidates
}

/// Copies the candidates below q and answers how many they are.
fn keep_below_q(candidates: &[i32; CANDIDATES], to: &mut [i32]) -> usize {
    // 19 of 20 blocks.
    if candidates.iter().all(|&candidate| candidate < Q) {
        to[..CANDIDATES].copy_from_slice(candidates);
        return CANDIDATES;
    }
    let kept = candidates.iter().filter(|&&candidate| candidate < Q);
    to.iter_mut().zip(kept).map(|(to, candidate)| *to = *candidate).count()
}

/// NTT(-t1 2^d), between -q and q.
struct TransformT1<'a>(&'a [u8]);

impl Kernel for TransformT1<'_> {
    type Output = Polynomials;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Polynomials {
        const ONE: Factor = Factor::new(1);
        let mut polynomials = ZERO;
        for (lane, bytes) in self.0.as_chunks::<T1_POLYNOMIAL_BYTES>().0.iter().enumerate() {
            // Algorithm 18 (SimpleBitUnpack) with ten bits a coefficient.
            for (four, &[a, b, c, d, e]) in polynomials.as_chunks_mut::<4>().0.iter_mut().zip(bytes.as_chunks().0) {
                let packed = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
                for (i, lanes) in four.iter_mut().enumerate() {
                    lanes.0[lane] = -(((packed >> (10 * i)) as i32 & 0x3ff) << D);
                }
            }
        }
        transform(simd, &mut polynomials);
        for lanes in &mut polynomials {
            simd.store(simd.montgomery(simd.load(lanes), &ONE), lanes);
        }
        polynomials
    }
}
