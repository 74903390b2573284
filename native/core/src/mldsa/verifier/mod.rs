//! ML-DSA-87 verification (FIPS 204 algorithms 3 and 8) of several signatures side by side, with keys that are expanded
//! beforehand. All of it is public, so time and memory accesses may depend on it.
//!
//! Eight polynomials go through the transform in the lanes of a vector: the seven of z and the challenge on the way in,
//! the eight of w on the way back, with a matrix of eight columns for each coefficient in between. Four messages go
//! through Keccak. So nothing is ever moved between lanes. `docs/spec/cryptography.md` says when a verdict counts.

mod commitment;
mod expanded_key;
mod field;
mod keccak;
mod ntt;
mod shake;
mod signature;
mod simd;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use commitment::Commitment;
use shake::{HashBlock, Message, shake256};
use signature::{COMMITMENT_HASH_BYTES, Signature};
#[cfg(target_arch = "x86_64")]
use simd::X86;
use simd::{Kernel, Portable, Simd};

use super::{MAX_CONTEXT_BYTES, PUBLIC_KEY_BYTES, SIGNATURE_BYTES};

pub(super) use expanded_key::ExpandedKey;

/// How many signatures fill the lanes of Keccak evenly without much memory.
pub(super) const GROUP: usize = 8;

const MU_BYTES: usize = 64;

/// One way of this processor to verify. All give the same verdicts.
#[derive(Clone, Copy)]
pub struct Implementation(Choice);

#[derive(Clone, Copy)]
enum Choice {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(X86<false>),
    #[cfg(target_arch = "x86_64")]
    Avx512(X86<true>),
}

/// A signature and all that it is checked against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    pub public_key: &'a [u8],
    pub context: &'a [u8],
    pub message: &'a [u8],
    pub signature: &'a [u8],
}

/// What to verify; the lengths of signature and context are checked.
pub(super) struct Request<'a> {
    key: &'a ExpandedKey,
    context: &'a [u8],
    message: &'a [u8],
    signature: &'a [u8; SIGNATURE_BYTES],
}

impl Implementation {
    /// Those of this processor, the fastest first.
    pub fn available() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        let vectors = [X86::detect().map(Choice::Avx512), X86::detect().map(Choice::Avx2)];
        #[cfg(not(target_arch = "x86_64"))]
        let vectors = [];
        vectors.into_iter().flatten().chain([Choice::Portable]).map(Self).collect()
    }

    pub fn name(self) -> &'static str {
        match self.0 {
            Choice::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(_) => "avx512",
        }
    }

    /// Whether to expand a key costs no more than a verification by AWS-LC.
    pub(super) fn expands_fast(self) -> bool {
        !matches!(self.0, Choice::Portable)
    }

    pub(super) fn expand(self, public_key: &[u8; PUBLIC_KEY_BYTES]) -> ExpandedKey {
        match self.0 {
            Choice::Portable => ExpandedKey::new(Portable, public_key),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2(simd) => ExpandedKey::new(simd, public_key),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(simd) => ExpandedKey::new(simd, public_key),
        }
    }

    pub(super) fn verify(self, requests: &[Request<'_>]) -> Vec<bool> {
        match self.0 {
            Choice::Portable => verify(Portable, requests),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2(simd) => verify(simd, requests),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(simd) => verify(simd, requests),
        }
    }
}

impl<'a> Request<'a> {
    /// None for lengths that no valid signature has.
    pub(super) fn new(key: &'a ExpandedKey, context: &'a [u8], message: &'a [u8], signature: &'a [u8]) -> Option<Self> {
        let signature = signature.try_into().ok()?;
        (context.len() <= MAX_CONTEXT_BYTES).then_some(Self { key, context, message, signature })
    }
}

impl<'a> Signed<'a> {
    fn request(&self, keys: &'a HashMap<&[u8], ExpandedKey>) -> Option<Request<'a>> {
        Request::new(keys.get(self.public_key)?, self.context, self.message, self.signature)
    }
}

/// The verdicts of one implementation, which AWS-LC does not confirm: nothing but tests relies on them.
pub fn verdicts(implementation: Implementation, items: &[Signed<'_>]) -> Vec<bool> {
    let mut keys = HashMap::new();
    for item in items {
        let Ok(public_key) = item.public_key.try_into() else { continue };
        keys.entry(item.public_key).or_insert_with(|| implementation.expand(public_key));
    }
    let known = items.iter().enumerate().filter_map(|(index, item)| Some((index, item.request(&keys)?)));
    let (indices, requests): (Vec<_>, Vec<_>) = known.unzip();
    let mut verdicts = vec![false; items.len()];
    for (indices, requests) in indices.chunks(GROUP).zip(requests.chunks(GROUP)) {
        for (index, verdict) in indices.iter().zip(implementation.verify(requests)) {
            verdicts[*index] = verdict;
        }
    }
    verdicts
}

fn verify<S: Simd>(simd: S, requests: &[Request<'_>]) -> Vec<bool> {
    let signatures: Vec<_> = requests.iter().map(|request| Signature::split(request.signature)).collect();
    // Algorithm 3 line 5: pure ML-DSA, then the context with its length.
    let prefixes: Vec<_> = requests.iter().map(|request| [0, request.context.len() as u8]).collect();
    let mut messages: Vec<_> = requests.iter().zip(&prefixes).map(representative).collect();
    messages.extend(signatures.iter().map(|signature| Message::new([signature.commitment_hash])));
    let hashes = shake256(simd, messages);
    let (mus, challenges) = hashes.split_at(requests.len());

    let mut commitments = Vec::with_capacity(requests.len());
    for ((Request { key, .. }, signature), challenge) in requests.iter().zip(&signatures).zip(challenges) {
        commitments.push(simd.run(Recover { key, signature, challenge }));
    }
    let hashes = shake256(simd, commitments.iter().zip(mus).map(commitment_message).collect());

    let mut verdicts = Vec::with_capacity(requests.len());
    for ((commitment, hash), signature) in commitments.iter().zip(&hashes).zip(&signatures) {
        let leads_back = hash[..COMMITMENT_HASH_BYTES] == *signature.commitment_hash;
        verdicts.push(commitment.is_some() && leads_back);
    }
    verdicts
}

/// What mu is the hash of: algorithm 8 line 7.
fn representative<'a>((request, prefix): (&Request<'a>, &'a [u8; 2])) -> Message<'a> {
    Message::new([&request.key.tr, prefix, request.context, request.message])
}

/// What the commitment hash must be that of: line 12. Empty if the signature was malformed.
fn commitment_message<'a>((commitment, mu): (&'a Option<Commitment>, &'a HashBlock)) -> Message<'a> {
    match commitment {
        Some(commitment) => Message::new([&mu[..MU_BYTES], commitment]),
        None => Message::new([]),
    }
}

/// Algorithm 8 lines 2 to 4, 8 to 10 and 13: the encoded commitment that the signature leads back to; none if the
/// signature is malformed.
struct Recover<'a> {
    key: &'a ExpandedKey,
    signature: &'a Signature<'a>,
    challenge: &'a HashBlock,
}

impl Kernel for Recover<'_> {
    type Output = Option<Commitment>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let hints = self.signature.hints()?;
        let mut polynomials = ntt::ZERO;
        self.signature.unpack_z(&mut polynomials);
        let is_sound =
            signature::is_short(simd, &polynomials) && signature::sample_in_ball(self.challenge, &mut polynomials);
        if !is_sound {
            return None;
        }
        commitment::approximate(simd, &self.key.matrix, &mut polynomials);
        commitment::apply_hints(&hints, &mut polynomials);
        Some(commitment::encode(simd, &polynomials))
    }
}
