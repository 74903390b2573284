//! Vectors of eight 32-bit and of four 64-bit numbers: on plain integers, and by AVX2. Everything above is written once
//! over [`Simd`] and compiled for each of its implementations.
//!
//! The `unsafe` code here is of two kinds. Instructions that a processor may lack are reached through a token only, and
//! tokens come from [`X86::detect`] on processors that have them. Loads and stores go through references to values of
//! exactly their size and alignment.
#![allow(unsafe_code)]

use super::field::{Factor, Q, Q_INVERSE, reduce};

/// The same coefficient of eight polynomials.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(super) struct Lanes(pub(super) [i32; 8]);

/// The same word of four Keccak states.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(super) struct Words(pub(super) [u64; 4]);

/// Code over any [`Simd`]. What it calls must be `#[inline(always)]` down to the operations, closures excluded, because
/// only what is inlined is compiled for the processor at hand.
pub(super) trait Kernel {
    type Output;

    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// All operations are lane by lane; additions and products wrap.
pub(super) trait Simd: Copy {
    type Ints: Copy;
    /// Eight sums of 64 bits.
    type Sums: Copy;
    type Words: Copy;

    /// Runs `kernel` compiled for this processor.
    fn run<K: Kernel>(self, kernel: K) -> K::Output;

    fn load(self, from: &Lanes) -> Self::Ints;
    fn store(self, value: Self::Ints, to: &mut Lanes);
    fn splat(self, value: i32) -> Self::Ints;
    fn add(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    fn subtract(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// The low halves of the products.
    fn multiply(self, a: Self::Ints, b: i32) -> Self::Ints;
    fn or(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    fn and(self, a: Self::Ints, b: i32) -> Self::Ints;
    fn shift_left<const BITS: i32>(self, a: Self::Ints) -> Self::Ints;
    /// Keeps the sign.
    fn shift_right<const BITS: i32>(self, a: Self::Ints) -> Self::Ints;
    /// The greater of `a` and the magnitude of `b`.
    fn max_magnitude(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// `a * factor / 2^32` modulo q, between -q and q, as `field::reduce`.
    fn montgomery(self, a: Self::Ints, factor: &Factor) -> Self::Ints;

    fn zero_sums(self) -> Self::Sums;
    fn multiply_add(self, sums: Self::Sums, a: Self::Ints, b: i32) -> Self::Sums;
    /// `field::reduce` of each sum.
    fn reduce(self, sums: Self::Sums) -> Self::Ints;

    fn load_words(self, from: &Words) -> Self::Words;
    fn store_words(self, value: Self::Words, to: &mut Words);
    fn splat_words(self, value: u64) -> Self::Words;
    fn xor(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// `!a & b`
    fn not_and(self, a: Self::Words, b: Self::Words) -> Self::Words;
    fn rotate_left(self, a: Self::Words, bits: u32) -> Self::Words;
}

/// For every processor.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Simd for Portable {
    type Ints = [i32; 8];
    type Sums = [i64; 8];
    type Words = [u64; 4];

    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn load(self, from: &Lanes) -> [i32; 8] {
        from.0
    }

    #[inline(always)]
    fn store(self, value: [i32; 8], to: &mut Lanes) {
        to.0 = value;
    }

    #[inline(always)]
    fn splat(self, value: i32) -> [i32; 8] {
        [value; 8]
    }

    #[inline(always)]
    fn add(self, a: [i32; 8], b: [i32; 8]) -> [i32; 8] {
        zip(a, b, i32::wrapping_add)
    }

    #[inline(always)]
    fn subtract(self, a: [i32; 8], b: [i32; 8]) -> [i32; 8] {
        zip(a, b, i32::wrapping_sub)
    }

    #[inline(always)]
    fn multiply(self, a: [i32; 8], b: i32) -> [i32; 8] {
        a.map(|a| a.wrapping_mul(b))
    }

    #[inline(always)]
    fn or(self, a: [i32; 8], b: [i32; 8]) -> [i32; 8] {
        zip(a, b, |a, b| a | b)
    }

    #[inline(always)]
    fn and(self, a: [i32; 8], b: i32) -> [i32; 8] {
        a.map(|a| a & b)
    }

    #[inline(always)]
    fn shift_left<const BITS: i32>(self, a: [i32; 8]) -> [i32; 8] {
        a.map(|a| a << BITS)
    }

    #[inline(always)]
    fn shift_right<const BITS: i32>(self, a: [i32; 8]) -> [i32; 8] {
        a.map(|a| a >> BITS)
    }

    #[inline(always)]
    fn max_magnitude(self, a: [i32; 8], b: [i32; 8]) -> [i32; 8] {
        zip(a, b, |a, b| a.max(b.wrapping_abs()))
    }

    #[inline(always)]
    fn montgomery(self, a: [i32; 8], factor: &Factor) -> [i32; 8] {
        a.map(|a| reduce(i64::from(a) * i64::from(factor.value)))
    }

    #[inline(always)]
    fn zero_sums(self) -> [i64; 8] {
        [0; 8]
    }

    #[inline(always)]
    fn multiply_add(self, sums: [i64; 8], a: [i32; 8], b: i32) -> [i64; 8] {
        zip(sums, a, |sum, a| sum.wrapping_add(i64::from(a) * i64::from(b)))
    }

    #[inline(always)]
    fn reduce(self, sums: [i64; 8]) -> [i32; 8] {
        sums.map(reduce)
    }

    #[inline(always)]
    fn load_words(self, from: &Words) -> [u64; 4] {
        from.0
    }

    #[inline(always)]
    fn store_words(self, value: [u64; 4], to: &mut Words) {
        to.0 = value;
    }

    #[inline(always)]
    fn splat_words(self, value: u64) -> [u64; 4] {
        [value; 4]
    }

    #[inline(always)]
    fn xor(self, a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
        zip(a, b, |a, b| a ^ b)
    }

    #[inline(always)]
    fn not_and(self, a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
        zip(a, b, |a, b| !a & b)
    }

    #[inline(always)]
    fn rotate_left(self, a: [u64; 4], bits: u32) -> [u64; 4] {
        a.map(|a| a.rotate_left(bits))
    }
}

#[inline(always)]
fn zip<A: Copy, B: Copy, R, const N: usize>(a: [A; N], b: [B; N], combine: impl Fn(A, B) -> R) -> [R; N] {
    std::array::from_fn(|lane| combine(a[lane], b[lane]))
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::X86;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Factor, Kernel, Lanes, Q, Q_INVERSE, Simd, Words};

    /// Proof that the processor has AVX2 and, if `AVX512`, the part of AVX-512 for vectors of 256 bits: the operations
    /// are the same, but the compiler makes one instruction of a rotation and of two bitwise operations in a row.
    #[derive(Clone, Copy)]
    pub(in super::super) struct X86<const AVX512: bool>(());

    impl<const AVX512: bool> X86<AVX512> {
        pub(in super::super) fn detect() -> Option<Self> {
            let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
            (is_x86_feature_detected!("avx2") && (avx512 || !AVX512)).then_some(Self(()))
        }
    }

    #[target_feature(enable = "avx2")]
    fn with_avx2<K: Kernel>(kernel: K) -> K::Output {
        kernel.run(X86::<false>(()))
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    fn with_avx512<K: Kernel>(kernel: K) -> K::Output {
        kernel.run(X86::<true>(()))
    }

    // SAFETY of every block below: `self` proves that the processor has the instructions.
    impl<const AVX512: bool> Simd for X86<AVX512> {
        type Ints = __m256i;
        /// Of the even lanes, then of the odd ones.
        type Sums = [__m256i; 2];
        type Words = __m256i;

        fn run<K: Kernel>(self, kernel: K) -> K::Output {
            // SAFETY: as above.
            unsafe { if AVX512 { with_avx512(kernel) } else { with_avx2(kernel) } }
        }

        #[inline(always)]
        fn load(self, from: &Lanes) -> __m256i {
            // SAFETY: as above; 32 aligned bytes are read.
            unsafe { _mm256_load_si256((&raw const *from).cast()) }
        }

        #[inline(always)]
        fn store(self, value: __m256i, to: &mut Lanes) {
            // SAFETY: as above; 32 aligned bytes are written, any of which are integers.
            unsafe { _mm256_store_si256((&raw mut *to).cast(), value) }
        }

        #[inline(always)]
        fn splat(self, value: i32) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_set1_epi32(value) }
        }

        #[inline(always)]
        fn add(self, a: __m256i, b: __m256i) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_add_epi32(a, b) }
        }

        #[inline(always)]
        fn subtract(self, a: __m256i, b: __m256i) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_sub_epi32(a, b) }
        }

        #[inline(always)]
        fn multiply(self, a: __m256i, b: i32) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_mullo_epi32(a, _mm256_set1_epi32(b)) }
        }

        #[inline(always)]
        fn or(self, a: __m256i, b: __m256i) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_or_si256(a, b) }
        }

        #[inline(always)]
        fn and(self, a: __m256i, b: i32) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_and_si256(a, _mm256_set1_epi32(b)) }
        }

        #[inline(always)]
        fn shift_left<const BITS: i32>(self, a: __m256i) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_slli_epi32::<BITS>(a) }
        }

        #[inline(always)]
        fn shift_right<const BITS: i32>(self, a: __m256i) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_srai_epi32::<BITS>(a) }
        }

        #[inline(always)]
        fn max_magnitude(self, a: __m256i, b: __m256i) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_max_epi32(a, _mm256_abs_epi32(b)) }
        }

        #[inline(always)]
        fn montgomery(self, a: __m256i, factor: &Factor) -> __m256i {
            // SAFETY: as above.
            unsafe {
                let (value, by_q) = (_mm256_set1_epi32(factor.value), _mm256_set1_epi32(factor.by_q));
                let odd = _mm256_srli_epi64::<32>(a);
                subtract_multiples_of_q(
                    [_mm256_mul_epi32(a, value), _mm256_mul_epi32(odd, value)],
                    [_mm256_mul_epi32(a, by_q), _mm256_mul_epi32(odd, by_q)],
                )
            }
        }

        #[inline(always)]
        fn zero_sums(self) -> [__m256i; 2] {
            // SAFETY: as above.
            unsafe { [_mm256_setzero_si256(); 2] }
        }

        #[inline(always)]
        fn multiply_add(self, [even, odd]: [__m256i; 2], a: __m256i, b: i32) -> [__m256i; 2] {
            // SAFETY: as above.
            unsafe {
                let b = _mm256_set1_epi32(b);
                [
                    _mm256_add_epi64(even, _mm256_mul_epi32(a, b)),
                    _mm256_add_epi64(odd, _mm256_mul_epi32(_mm256_srli_epi64::<32>(a), b)),
                ]
            }
        }

        #[inline(always)]
        fn reduce(self, sums: [__m256i; 2]) -> __m256i {
            // SAFETY: as above.
            unsafe {
                let q_inverse = _mm256_set1_epi32(Q_INVERSE);
                subtract_multiples_of_q(
                    sums,
                    [_mm256_mul_epi32(sums[0], q_inverse), _mm256_mul_epi32(sums[1], q_inverse)],
                )
            }
        }

        #[inline(always)]
        fn load_words(self, from: &Words) -> __m256i {
            // SAFETY: as above; 32 aligned bytes are read.
            unsafe { _mm256_load_si256((&raw const *from).cast()) }
        }

        #[inline(always)]
        fn store_words(self, value: __m256i, to: &mut Words) {
            // SAFETY: as above; 32 aligned bytes are written, any of which are integers.
            unsafe { _mm256_store_si256((&raw mut *to).cast(), value) }
        }

        #[inline(always)]
        fn splat_words(self, value: u64) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_set1_epi64x(value.cast_signed()) }
        }

        #[inline(always)]
        fn xor(self, a: __m256i, b: __m256i) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_xor_si256(a, b) }
        }

        #[inline(always)]
        fn not_and(self, a: __m256i, b: __m256i) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_andnot_si256(a, b) }
        }

        #[inline(always)]
        fn rotate_left(self, a: __m256i, bits: u32) -> __m256i {
            let bits = i64::from(bits);
            // SAFETY: as above.
            unsafe {
                _mm256_or_si256(
                    _mm256_sllv_epi64(a, _mm256_set1_epi64x(bits)),
                    _mm256_srlv_epi64(a, _mm256_set1_epi64x(64 - bits)),
                )
            }
        }
    }

    /// The end of `field::reduce` for products in even and odd lanes; `quotients` are valid in their low halves.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn subtract_multiples_of_q(products: [__m256i; 2], quotients: [__m256i; 2]) -> __m256i {
        let q = _mm256_set1_epi32(Q);
        let even = _mm256_sub_epi64(products[0], _mm256_mul_epi32(quotients[0], q));
        let odd = _mm256_sub_epi64(products[1], _mm256_mul_epi32(quotients[1], q));
        _mm256_blend_epi32::<0b1010_1010>(_mm256_srli_epi64::<32>(even), odd)
    }
}
