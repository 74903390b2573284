//! FIPS 204 algorithms 27 (sigDecode) and 29 (SampleInBall).

use super::expanded_key::L;
use super::ntt::Polynomials;
use super::shake::HashBlock;
use super::simd::{Lanes, Simd};
use crate::mldsa::SIGNATURE_BYTES;

pub(super) const COMMITMENT_HASH_BYTES: usize = 64;

const GAMMA1: i32 = 1 << 19;
/// gamma1 - beta: what every magnitude of z is below.
const Z_BOUND: i32 = GAMMA1 - 120;
const Z_POLYNOMIAL_BYTES: usize = 640;
/// At most as many hints.
const OMEGA: usize = 75;
/// Coefficients of the challenge that are not zero.
const TAU: usize = 60;

/// Where a hint is set.
#[derive(Clone, Copy)]
pub(super) struct Hint {
    pub(super) polynomial: usize,
    pub(super) coefficient: usize,
}

/// The fields of a signature, still packed.
pub(super) struct Signature<'a> {
    pub(super) commitment_hash: &'a [u8],
    z: &'a [u8],
    hints: &'a [u8],
}

impl<'a> Signature<'a> {
    pub(super) fn split(bytes: &'a [u8; SIGNATURE_BYTES]) -> Self {
        let (commitment_hash, rest) = bytes.split_at(COMMITMENT_HASH_BYTES);
        let (z, hints) = rest.split_at(L * Z_POLYNOMIAL_BYTES);
        Self { commitment_hash, z, hints }
    }

    /// z in the first lanes: algorithm 19 (BitUnpack) with 20 bits a coefficient.
    #[inline(always)]
    pub(super) fn unpack_z(&self, polynomials: &mut Polynomials) {
        for (lane, bytes) in self.z.as_chunks::<Z_POLYNOMIAL_BYTES>().0.iter().enumerate() {
            for ([even, odd], &[a, b, c, d, e]) in polynomials.as_chunks_mut().0.iter_mut().zip(bytes.as_chunks().0) {
                even.0[lane] = GAMMA1 - (i32::from_le_bytes([a, b, c, 0]) & 0xf_ffff);
                odd.0[lane] = GAMMA1 - (i32::from_le_bytes([c, d, e, 0]) >> 4);
            }
        }
    }

    /// Algorithm 21 (HintBitUnpack): none unless the hints are in their one canonical form.
    pub(super) fn hints(&self) -> Option<Vec<Hint>> {
        let (positions, ends) = self.hints.split_at(OMEGA);
        let mut hints = Vec::with_capacity(OMEGA);
        let mut start = 0;
        for (polynomial, &end) in ends.iter().enumerate() {
            let own = positions.get(start..usize::from(end))?;
            if !own.is_sorted_by(|a, b| a < b) {
                return None;
            }
            hints.extend(own.iter().map(|&position| Hint { polynomial, coefficient: usize::from(position) }));
            start = usize::from(end);
        }
        positions[start..].iter().all(|&unused| unused == 0).then_some(hints)
    }
}

/// FIPS 204 algorithm 8 line 13, over all lanes.
#[inline(always)]
pub(super) fn is_short<S: Simd>(simd: S, z: &Polynomials) -> bool {
    let mut max = simd.splat(0);
    for lanes in z {
        max = simd.max_magnitude(max, simd.load(lanes));
    }
    let mut magnitudes = Lanes([0; 8]);
    simd.store(max, &mut magnitudes);
    magnitudes.0.iter().all(|&magnitude| magnitude < Z_BOUND)
}

/// The challenge, in the last lane, from SHAKE256 of the commitment hash. False if one block of that is not enough, which
/// happens once in far more than 2^100 times.
#[inline(always)]
pub(super) fn sample_in_ball(hash: &HashBlock, polynomials: &mut Polynomials) -> bool {
    let [a, b, c, d, e, f, g, h, positions @ ..] = hash;
    let mut signs = u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
    let mut positions = positions.iter().map(|&position| usize::from(position));
    for i in 256 - TAU..256 {
        let Some(j) = positions.find(|&j| j <= i) else { return false };
        polynomials[i].0[L] = polynomials[j].0[L];
        polynomials[j].0[L] = 1 - 2 * (signs & 1) as i32;
        signs >>= 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::ntt::ZERO;
    #[cfg(target_arch = "x86_64")]
    use super::super::simd::X86;
    use super::super::simd::{Kernel, Portable};
    use super::*;

    struct IsShort<'a>(&'a Polynomials);

    impl Kernel for IsShort<'_> {
        type Output = bool;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> bool {
            is_short(simd, self.0)
        }
    }

    fn by_every_implementation(z: &Polynomials) -> Vec<bool> {
        let mut verdicts = vec![Portable.run(IsShort(z))];
        #[cfg(target_arch = "x86_64")]
        {
            verdicts.extend(X86::<false>::detect().map(|simd| simd.run(IsShort(z))));
            verdicts.extend(X86::<true>::detect().map(|simd| simd.run(IsShort(z))));
        }
        verdicts
    }

    /// No signature shows this: whoever makes one that is too long, with a matching commitment, has the secret key.
    #[test]
    fn z_is_short_up_to_its_bound_and_no_further_in_every_lane() {
        for lane in 0..L {
            for (value, expected) in [(524_167, true), (-524_167, true), (524_168, false), (-524_168, false)] {
                let mut z = ZERO;
                z[37 * lane].0[lane] = value;
                assert!(by_every_implementation(&z).iter().all(|&is_short| is_short == expected), "{value} in {lane}");
            }
        }
    }
}
