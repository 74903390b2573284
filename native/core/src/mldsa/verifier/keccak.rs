//! Keccak-f[1600] (FIPS 202 section 3.3) on four states side by side.

use super::simd::{Kernel, Simd, Words};

/// Lane [y][x] of FIPS 202 section 3.1.2 of four states.
pub(super) type States = [[Words; 5]; 5];

pub(super) const ZERO_STATES: States = [[Words([0; 4]); 5]; 5];

const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Permutes four states.
pub(super) struct Permute<'a>(pub(super) &'a mut States);

impl Kernel for Permute<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut a = [[simd.splat_words(0); 5]; 5];
        for (row, from) in a.iter_mut().zip(&*self.0) {
            for (value, from) in row.iter_mut().zip(from) {
                *value = simd.load_words(from);
            }
        }
        for constant in ROUND_CONSTANTS {
            a = round(simd, a, constant);
        }
        for (row, to) in a.into_iter().zip(self.0) {
            for (value, to) in row.into_iter().zip(to) {
                simd.store_words(value, to);
            }
        }
    }
}

#[inline(always)]
fn round<S: Simd>(simd: S, a: [[S::Words; 5]; 5], constant: u64) -> [[S::Words; 5]; 5] {
    let parity = [parity(simd, a, 0), parity(simd, a, 1), parity(simd, a, 2), parity(simd, a, 3), parity(simd, a, 4)];
    let theta = [
        simd.xor(parity[4], simd.rotate_left(parity[1], 1)),
        simd.xor(parity[0], simd.rotate_left(parity[2], 1)),
        simd.xor(parity[1], simd.rotate_left(parity[3], 1)),
        simd.xor(parity[2], simd.rotate_left(parity[4], 1)),
        simd.xor(parity[3], simd.rotate_left(parity[0], 1)),
    ];
    // Where pi begins and how far rho rotates (FIPS 202 table 2).
    let mut rows = [
        row(simd, a, theta, 0, [0, 44, 43, 21, 14]),
        row(simd, a, theta, 3, [28, 20, 3, 45, 61]),
        row(simd, a, theta, 1, [1, 6, 25, 8, 18]),
        row(simd, a, theta, 4, [27, 36, 10, 15, 56]),
        row(simd, a, theta, 2, [62, 55, 39, 41, 2]),
    ];
    rows[0][0] = simd.xor(rows[0][0], simd.splat_words(constant));
    rows
}

#[inline(always)]
fn parity<S: Simd>(simd: S, a: [[S::Words; 5]; 5], x: usize) -> S::Words {
    simd.xor(simd.xor(simd.xor(a[0][x], a[1][x]), simd.xor(a[2][x], a[3][x])), a[4][x])
}

/// A row after theta, rho, pi and chi. Pi takes its lanes from a diagonal, which begins at `x` in the first row.
#[inline(always)]
fn row<S: Simd>(simd: S, a: [[S::Words; 5]; 5], theta: [S::Words; 5], x: usize, bits: [u32; 5]) -> [S::Words; 5] {
    let lane = |y: usize| simd.rotate_left(simd.xor(a[y][(x + y) % 5], theta[(x + y) % 5]), bits[y]);
    let [a, b, c, d, e] = [lane(0), lane(1), lane(2), lane(3), lane(4)];
    [
        simd.xor(a, simd.not_and(b, c)),
        simd.xor(b, simd.not_and(c, d)),
        simd.xor(c, simd.not_and(d, e)),
        simd.xor(d, simd.not_and(e, a)),
        simd.xor(e, simd.not_and(a, b)),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::simd::Portable;
    use super::*;

    /// FIPS 202 test vector: Keccak-f[1600] of the zero state.
    #[test]
    fn the_zero_state_is_permuted_in_every_lane() {
        let mut states = ZERO_STATES;
        Portable.run(Permute(&mut states));
        assert_eq!(states[0][0].0, [0xf125_8f79_40e1_dde7; 4]);
        assert_eq!(states[0][1].0, [0x84d5_ccf9_33c0_478a; 4]);
        assert_eq!(states[4][4].0, [0xeaf1_ff7b_5cec_a249; 4]);
    }
}
