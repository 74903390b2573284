//! The commitment that a signature leads back to: FIPS 204 algorithm 8 lines 9 and 10, and its encoding.

use super::expanded_key::Columns;
use super::field::{Factor, Q};
use super::ntt::{Polynomials, invert, transform};
use super::signature::Hint;
use super::simd::{Lanes, Simd};

/// w1, encoded.
pub(super) type Commitment = [u8; 8 * POLYNOMIAL_BYTES];
const POLYNOMIAL_BYTES: usize = 128;

const GAMMA2: i32 = (Q - 1) / 32;
/// High bits are integers modulo this.
const HIGHS: i32 = (Q - 1) / (2 * GAMMA2);

/// Line 9: takes z and c to w = A z - c t1 2^d, coefficients in [0, q).
#[inline(always)]
pub(super) fn approximate<S: Simd>(simd: S, matrix: &[Columns], polynomials: &mut Polynomials) {
    /// 1 / 256 as `invert` leaves it out, times 2^32 because the product was reduced.
    const SCALE: Factor = Factor::new((1 << 32) % Q as i64 * 8_347_681);
    transform(simd, polynomials);
    multiply(simd, matrix, polynomials);
    invert(simd, polynomials);
    for lanes in polynomials {
        let value = simd.montgomery(simd.load(lanes), &SCALE);
        let q_if_negative = simd.and(simd.shift_right::<31>(value), Q);
        simd.store(simd.add(value, q_if_negative), lanes);
    }
}

/// Sums of eight products of less than q and 9 q are below 72 q^2, and reduced below 72 q^2 / 2^32 + q / 2, less than q.
#[inline(always)]
fn multiply<S: Simd>(simd: S, matrix: &[Columns], polynomials: &mut Polynomials) {
    for (columns, lanes) in matrix.iter().zip(polynomials) {
        let mut sums = simd.zero_sums();
        for (column, &factor) in columns.iter().zip(&lanes.0) {
            sums = simd.multiply_add(sums, simd.load(column), factor);
        }
        simd.store(simd.reduce(sums), lanes);
    }
}

/// Algorithm 40 (UseHint) where a hint is set: moves the coefficient into the middle of the interval that the hint points
/// to, so that the high bits of all coefficients can be taken alike.
#[inline(always)]
pub(super) fn apply_hints(hints: &[Hint], w: &mut Polynomials) {
    for &Hint { polynomial, coefficient } in hints {
        let value = &mut w[coefficient].0[polynomial];
        let high = high_bits(*value);
        let low = *value - high * 2 * GAMMA2;
        // Beyond gamma2 the high bits have wrapped around to 0, and the low part is a small negative one modulo q.
        let step = if low > 0 && low <= GAMMA2 { 1 } else { HIGHS - 1 };
        *value = (high + step) % HIGHS * 2 * GAMMA2;
    }
}

/// The high bits by algorithm 36 (Decompose) of a value in [0, q): divided by 2 gamma2 = 128 * 4092, rounded half down.
fn high_bits(value: i32) -> i32 {
    ((value + 127) / 128 * 1025 + (1 << 21)) >> 22 & (HIGHS - 1)
}

/// Algorithm 28 (w1Encode) of the high bits of w: four bits a coefficient.
#[inline(always)]
pub(super) fn encode<S: Simd>(simd: S, w: &Polynomials) -> Commitment {
    let mut bytes = [0; 8 * POLYNOMIAL_BYTES];
    for (i, eight) in w.as_chunks::<8>().0.iter().enumerate() {
        // The last coefficient goes to the uppermost bits.
        let mut packed = simd.splat(0);
        for lanes in eight.iter().rev() {
            packed = simd.or(simd.shift_left::<4>(packed), high_lanes(simd, lanes));
        }
        let mut words = Lanes([0; 8]);
        simd.store(packed, &mut words);
        for (polynomial, word) in words.0.into_iter().enumerate() {
            bytes[polynomial * POLYNOMIAL_BYTES + 4 * i..][..4].copy_from_slice(&word.to_le_bytes());
        }
    }
    bytes
}

/// `high_bits` of each lane.
#[inline(always)]
fn high_lanes<S: Simd>(simd: S, values: &Lanes) -> S::Ints {
    let quotients = simd.shift_right::<7>(simd.add(simd.load(values), simd.splat(127)));
    let rounded = simd.shift_right::<22>(simd.add(simd.multiply(quotients, 1025), simd.splat(1 << 21)));
    simd.and(rounded, HIGHS - 1)
}

#[cfg(test)]
mod tests {
    use super::super::simd::Portable;
    use super::*;

    /// FIPS 204 algorithm 36 as it is written.
    fn decompose(r: i32) -> (i32, i32) {
        let mut low = r % (2 * GAMMA2);
        if low > GAMMA2 {
            low -= 2 * GAMMA2;
        }
        if r - low == Q - 1 { (0, low - 1) } else { ((r - low) / (2 * GAMMA2), low) }
    }

    #[test]
    fn high_bits_and_hints_follow_the_standard_for_every_residue() {
        for chunk in 0..Q / 256 + 1 {
            let mut w = [Lanes([0; 8]); 256];
            let values = (chunk * 256..).take(256).map(|value| value.min(Q - 1));
            for (lanes, value) in w.iter_mut().zip(values.clone()) {
                lanes.0[3] = value;
                lanes.0[5] = value;
            }
            let hints: Vec<_> = (0..256).map(|coefficient| Hint { polynomial: 5, coefficient }).collect();
            apply_hints(&hints, &mut w);
            let bytes = encode(Portable, &w);
            for (n, value) in values.enumerate() {
                let encoded =
                    |polynomial: usize| i32::from(bytes[polynomial * POLYNOMIAL_BYTES + n / 2] >> (4 * (n % 2)) & 15);
                let (high, low) = decompose(value);
                let hinted = (high + if low > 0 { 1 } else { -1 }).rem_euclid(HIGHS);
                assert_eq!((encoded(3), encoded(5), encoded(0)), (high, hinted, 0), "{value}");
            }
        }
    }
}
