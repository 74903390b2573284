//! What each part of a verification costs, beside AWS-LC in the same run:
//! `cargo test --release -p av10-core --features measure shares -- --nocapture`.

use std::fs;
use std::hint::black_box;

use super::keccak::{Permute, ZERO_STATES};
use super::ntt::{Polynomials, ZERO, invert, transform};
use super::shake::WIDTH;
use super::*;
use crate::mldsa;

const RUNS: usize = 9;
const RUN_NS: u64 = 20_000_000;
const MESSAGE: [u8; 200] = [5; 200];
const CONTEXT: [u8; 42] = [6; 42];

#[test]
fn shares() {
    batches(1);
    batches(1000);
    for implementation in Implementation::available() {
        println!("\n{}", implementation.name());
        match implementation.0 {
            Choice::Portable => measure(Portable, implementation),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2(simd) => measure(simd, implementation),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(simd) => measure(simd, implementation),
        }
    }
}

/// The way through the kept keys, with confirmations by AWS-LC.
fn batches(keys: usize) {
    let signers: Vec<_> = (0..keys).map(|i| SigningKey::from_seed(&[i.to_le_bytes(); 4].concat()).unwrap()).collect();
    let signatures: Vec<_> = signers.iter().map(|signer| signer.sign(&CONTEXT, &MESSAGE).unwrap()).collect();
    let item = |i: usize| Signed {
        public_key: signers[i % keys].public_key(),
        context: &CONTEXT,
        message: &MESSAGE,
        signature: &signatures[i % keys],
    };
    let items: Vec<_> = (0..1024).map(item).collect();
    time(&format!("batch, {keys} kept keys"), 1024, || mldsa::verify_many(&items, 1).unwrap());
}

fn measure<S: Simd>(simd: S, implementation: Implementation) {
    let signer = SigningKey::from_seed(&[7; 32]).unwrap();
    let public_key = signer.public_key();
    let signatures: Vec<_> = (0..GROUP).map(|_| signer.sign(&CONTEXT, &MESSAGE).unwrap()).collect();
    let key = implementation.expand(public_key);
    let requests: Vec<_> =
        signatures.iter().map(|signature| Request::new(&key, &CONTEXT, &MESSAGE, signature).unwrap()).collect();

    let aws_lc = time("AWS-LC", 1, || mldsa::verify(public_key, &CONTEXT, &MESSAGE, &signatures[0]));
    let kept = time("kept key, each of a group", GROUP as u64, || implementation.verify(&requests));
    let alone = time("kept key, alone", 1, || implementation.verify(&requests[..1]));
    let expansion = time("expansion of a key", 1, || implementation.expand(public_key));
    let ratios = [kept, alone, expansion + kept].map(|ns| format!("{:.2}", aws_lc / ns));
    println!("faster than AWS-LC: kept {}, alone {}, fresh {}", ratios[0], ratios[1], ratios[2]);

    let messages = || vec![Message::new([&key.tr, &[0, 42], &CONTEXT, &MESSAGE]); WIDTH];
    let challenges = || vec![Message::new([&signatures[0][..64]]); WIDTH];
    let commitments = || vec![Message::new([&[1; 64], &[2; 1024]]); WIDTH];
    time("  hash: mu", WIDTH as u64, || shake256(simd, messages()));
    time("  hash: challenge", WIDTH as u64, || shake256(simd, challenges()));
    time("  hash: commitment", WIDTH as u64, || shake256(simd, commitments()));
    let signature = Signature::split(&signatures[0]);
    let challenge = &shake256(simd, challenges())[0];
    time("  from z to the commitment", 1, || simd.run(Recover { key: &key, signature: &signature, challenge }));
    let mut polynomials = ZERO;
    time("    unpack z and challenge", 1, || simd.run(Unpack(&signature, challenge, &mut polynomials)));
    time("    hints", 1, || signature.hints());
    time("    transform", 1, || simd.run(Transform(&mut polynomials)));
    polynomials = ZERO;
    time("    transform, multiply, invert", 1, || simd.run(Approximate(&key, &mut polynomials)));
    time("    invert", 1, || simd.run(Invert(&mut polynomials)));
    polynomials = ZERO;
    time("    encode", 1, || simd.run(Encode(&polynomials)));
    let mut states = ZERO_STATES;
    time("  Keccak-f, of four", WIDTH as u64, || simd.run(Permute(&mut states)));
}

/// Prints and answers the median of the nanoseconds of this thread for each of `count` things that `work` does.
fn time<R>(what: &str, count: u64, mut work: impl FnMut() -> R) -> f64 {
    let mut run = |calls: u64| {
        let start = thread_ns();
        for _ in 0..calls {
            black_box(work());
        }
        thread_ns() - start
    };
    let mut calls = 1;
    while run(calls) < RUN_NS {
        calls *= 2;
    }
    let mut runs: Vec<_> = (0..RUNS).map(|_| run(calls) as f64 / (calls * count) as f64).collect();
    runs.sort_by(f64::total_cmp);
    println!("{what:32} {:9.0} ns", runs[RUNS / 2]);
    runs[RUNS / 2]
}

/// CPU time, so that other work on the machine does not count.
fn thread_ns() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

macro_rules! kernel {
    ($name:ident($($field:ident: $type:ty),*), $simd:ident, $work:expr) => {
        struct $name<'a>($($type),*);

        impl Kernel for $name<'_> {
            type Output = ();

            #[inline(always)]
            fn run<S: Simd>(self, $simd: S) {
                let Self($($field),*) = self;
                black_box($work);
            }
        }
    };
}

kernel!(Unpack(signature: &'a Signature<'a>, challenge: &'a HashBlock, to: &'a mut Polynomials), simd, {
    signature.unpack_z(to);
    signature::is_short(simd, to) && signature::sample_in_ball(challenge, to)
});
kernel!(Transform(polynomials: &'a mut Polynomials), simd, transform(simd, polynomials));
kernel!(Invert(polynomials: &'a mut Polynomials), simd, invert(simd, polynomials));
kernel!(Approximate(key: &'a ExpandedKey, polynomials: &'a mut Polynomials), simd, {
    commitment::approximate(simd, &key.matrix, polynomials)
});
kernel!(Encode(w: &'a Polynomials), simd, commitment::encode(simd, w));
