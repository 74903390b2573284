//! Arithmetic modulo q in Montgomery form with R = 2^32 (FIPS 204 appendix A), and the powers of zeta (appendix B).

/// FIPS 204 table 1.
pub(super) const Q: i32 = 8_380_417;

/// The inverse of q modulo 2^32.
pub(super) const Q_INVERSE: i32 = 58_728_449;

/// A constant to multiply by: `reduce(a * value)` is `a * number` modulo q.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    pub(super) value: i32,
    /// `value / q` modulo 2^32, which saves vectors the second of three multiplications in a row.
    pub(super) by_q: i32,
}

impl Factor {
    pub(super) const fn new(number: i64) -> Self {
        let value = ((number.rem_euclid(Q as i64) << 32) % Q as i64) as i32;
        Self { value, by_q: value.wrapping_mul(Q_INVERSE) }
    }
}

/// zeta^BitRev8(m) at m; no transform uses the one at 0.
pub(super) static ZETAS: [Factor; 256] = zetas(1);
/// Their negatives, for the inverse transform.
pub(super) static NEGATIVE_ZETAS: [Factor; 256] = zetas(-1);

/// FIPS 204 algorithm 49: `a / 2^32` modulo q, between -q and q, for magnitudes below 2^31 q.
#[inline(always)]
pub(super) const fn reduce(a: i64) -> i32 {
    let quotient = (a as i32).wrapping_mul(Q_INVERSE);
    ((a - quotient as i64 * Q as i64) >> 32) as i32
}

const fn zetas(sign: i64) -> [Factor; 256] {
    const ZETA: i64 = 1753;
    let mut zetas = [Factor::new(0); 256];
    let mut power = 1;
    let mut exponent: u8 = 0;
    loop {
        zetas[exponent.reverse_bits() as usize] = Factor::new(sign * power);
        if exponent == u8::MAX {
            return zetas;
        }
        power = power * ZETA % Q as i64;
        exponent += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduction_divides_by_two_to_the_32_at_the_ends_of_its_range() {
        let end = (1 << 31) * i64::from(Q) - 1;
        for a in [0, 1, -1, i64::from(Q), 1 << 32, end, -end] {
            let reduced = i64::from(reduce(a));
            assert_eq!((reduced * ((1 << 32) % i64::from(Q)) - a).rem_euclid(i64::from(Q)), 0, "{a}");
            assert!(reduced.abs() < i64::from(Q), "{a}");
        }
    }

    #[test]
    fn zetas_are_those_of_appendix_b() {
        let number = |factor: &Factor| i64::from(reduce(i64::from(factor.value))).rem_euclid(i64::from(Q));
        let first: Vec<_> = ZETAS[1..5].iter().map(number).collect();
        assert_eq!(first, [4_808_194, 3_765_607, 3_761_513, 5_178_923]);
        assert_eq!(number(&ZETAS[255]), 7_648_983);
        assert_eq!(number(&NEGATIVE_ZETAS[1]), i64::from(Q) - 4_808_194);
    }
}
