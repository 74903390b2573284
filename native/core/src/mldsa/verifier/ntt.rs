//! The number theoretic transform of eight polynomials side by side: no coefficient ever changes its lane.

use super::field::{Factor, NEGATIVE_ZETAS, ZETAS};
use super::simd::{Lanes, Simd};

/// Eight polynomials, by coefficient.
pub(super) type Polynomials = [Lanes; 256];

pub(super) const ZERO: Polynomials = [Lanes([0; 8]); 256];

/// FIPS 204 algorithm 41 without reductions in between: magnitudes grow by less than 8 q.
#[inline(always)]
pub(super) fn transform<S: Simd>(simd: S, polynomials: &mut Polynomials) {
    // Two of the eight layers at a time halve the traffic with memory.
    for layer in [0, 2, 4, 6] {
        let blocks = 1 << layer;
        for (b, block) in polynomials.chunks_exact_mut(256 >> layer).enumerate() {
            let zetas = [&ZETAS[blocks + b], &ZETAS[2 * (blocks + b)], &ZETAS[2 * (blocks + b) + 1]];
            for [a, b, c, d] in quarters(block) {
                let [w, x, y, z] = [simd.load(a), simd.load(b), simd.load(c), simd.load(d)];
                let (w, y) = butterfly(simd, w, y, zetas[0]);
                let (x, z) = butterfly(simd, x, z, zetas[0]);
                let (w, x) = butterfly(simd, w, x, zetas[1]);
                let (y, z) = butterfly(simd, y, z, zetas[2]);
                simd.store(w, a);
                simd.store(x, b);
                simd.store(y, c);
                simd.store(z, d);
            }
        }
    }
}

/// FIPS 204 algorithm 42 without the division by 256 at its end, and without reductions of sums: magnitudes below q
/// become such below 256 q.
#[inline(always)]
pub(super) fn invert<S: Simd>(simd: S, polynomials: &mut Polynomials) {
    for layer in [6, 4, 2, 0] {
        let blocks = 1 << layer;
        for (b, block) in polynomials.chunks_exact_mut(256 >> layer).enumerate() {
            let last = 2 * blocks - 1 - b;
            let zetas = [&NEGATIVE_ZETAS[last], &NEGATIVE_ZETAS[2 * last + 1], &NEGATIVE_ZETAS[2 * last]];
            for [a, b, c, d] in quarters(block) {
                let [w, x, y, z] = [simd.load(a), simd.load(b), simd.load(c), simd.load(d)];
                let (w, x) = inverse_butterfly(simd, w, x, zetas[1]);
                let (y, z) = inverse_butterfly(simd, y, z, zetas[2]);
                let (w, y) = inverse_butterfly(simd, w, y, zetas[0]);
                let (x, z) = inverse_butterfly(simd, x, z, zetas[0]);
                simd.store(w, a);
                simd.store(x, b);
                simd.store(y, c);
                simd.store(z, d);
            }
        }
    }
}

#[inline(always)]
fn butterfly<S: Simd>(simd: S, a: S::Ints, b: S::Ints, zeta: &Factor) -> (S::Ints, S::Ints) {
    let t = simd.montgomery(b, zeta);
    (simd.add(a, t), simd.subtract(a, t))
}

#[inline(always)]
fn inverse_butterfly<S: Simd>(simd: S, a: S::Ints, b: S::Ints, zeta: &Factor) -> (S::Ints, S::Ints) {
    (simd.add(a, b), simd.montgomery(simd.subtract(a, b), zeta))
}

#[inline(always)]
fn quarters(block: &mut [Lanes]) -> impl Iterator<Item = [&mut Lanes; 4]> {
    let quarter = block.len() / 4;
    let (ab, cd) = block.split_at_mut(2 * quarter);
    let ((a, b), (c, d)) = (ab.split_at_mut(quarter), cd.split_at_mut(quarter));
    a.iter_mut().zip(b).zip(c.iter_mut().zip(d)).map(|((a, b), (c, d))| [a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::super::field::Q;
    use super::super::simd::Portable;
    use super::*;

    #[test]
    fn a_product_of_transforms_is_the_product_modulo_x_to_the_256_plus_1() {
        let (q, n) = (i64::from(Q), 256);
        let a: Vec<i64> = (0..256).map(|i| (i * i * 7919 + 3) % q).collect();
        let b: Vec<i64> = (0..256).map(|i| (i * 104_729 + 11) % q - q / 2).collect();
        let mut expected = [0; 256];
        for (i, a) in a.iter().enumerate() {
            for (j, b) in b.iter().enumerate() {
                let sign = if i + j < n { 1 } else { -1 };
                expected[(i + j) % n] = (expected[(i + j) % n] + sign * a * b) % q;
            }
        }
        let mut polynomials = ZERO;
        for (lanes, (a, b)) in polynomials.iter_mut().zip(a.iter().zip(&b)) {
            (lanes.0[2], lanes.0[6]) = (*a as i32, *b as i32);
        }
        transform(Portable, &mut polynomials);
        for lanes in &mut polynomials {
            let product = i64::from(lanes.0[2]) * i64::from(lanes.0[6]) % q;
            lanes.0 = [product as i32; 8];
        }
        invert(Portable, &mut polynomials);
        let results = polynomials.map(|lanes| i64::from(lanes.0[4]).rem_euclid(q));
        assert_eq!(results, expected.map(|value| (value * 256).rem_euclid(q)));
    }
}
