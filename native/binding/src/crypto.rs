use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use av10_core::domain::Domain;
use av10_core::hash::{self, DIGEST_BYTES, Digest};
use av10_core::mldsa::{
    self, Implementation, MAX_BATCH_ITEMS, PRIVATE_KEY_BYTES, PUBLIC_KEY_BYTES, Signed, SigningKey,
};
use av10_core::{CryptoError, mlkem};
use napi::Result;
use napi::bindgen_prelude::{AsyncTask, External, Uint8Array};
use napi_derive::napi;

use crate::OutputBytes;
use crate::error::coded;
use crate::job::{Job, job};

/// What the garbage collector of JavaScript should know about memory it does not see.
const HASHER_BYTES: usize = size_of::<hash::Hasher>();
const SIGNING_KEY_BYTES: usize = size_of::<SigningKey>() + PUBLIC_KEY_BYTES + PRIVATE_KEY_BYTES;

/// The names of the hash domains; a domain's index in this list stands for it in the calls below.
#[napi(catch_unwind)]
pub fn hash_domains() -> Vec<&'static str> {
    Domain::ALL.iter().map(|domain| domain.name()).collect()
}

#[napi(catch_unwind)]
pub fn hash_into(domain: u32, input: &[u8], output: OutputBytes<'_>) -> Result<()> {
    let domain = Domain::from_index(domain).map_err(coded)?;
    write_digest(&hash::hash(domain, &[input]), output)
}

#[napi(catch_unwind)]
pub fn plain_hash_into(input: &[u8], output: OutputBytes<'_>) -> Result<()> {
    write_digest(&hash::plain(input), output)
}

/// A hasher of a domain, or of plain BLAKE3-256.
#[napi(catch_unwind)]
pub fn hasher_create(domain: Option<u32>) -> Result<External<hash::Hasher>> {
    let hasher = match domain {
        Some(index) => hash::hasher(Domain::from_index(index).map_err(coded)?),
        None => hash::Hasher::new(),
    };
    Ok(External::new_with_size_hint(hasher, HASHER_BYTES))
}

#[napi(catch_unwind)]
pub fn hasher_update(hasher: &mut External<hash::Hasher>, input: &[u8]) {
    hasher.update(input);
}

/// The digest so far; the hasher may go on afterwards.
#[napi(catch_unwind)]
pub fn hasher_digest_into(hasher: &External<hash::Hasher>, output: OutputBytes<'_>) -> Result<()> {
    write_digest(hasher.finalize().as_bytes(), output)
}

#[napi(catch_unwind)]
pub fn ml_dsa_key_from_seed(seed: &[u8]) -> Result<External<Arc<SigningKey>>> {
    let key = Arc::new(SigningKey::from_seed(seed).map_err(coded)?);
    Ok(External::new_with_size_hint(key, SIGNING_KEY_BYTES))
}

#[napi(catch_unwind)]
pub fn ml_dsa_public_key(key: &External<Arc<SigningKey>>) -> Uint8Array {
    key.public_key().to_vec().into()
}

#[napi(catch_unwind)]
pub fn ml_dsa_sign(key: &External<Arc<SigningKey>>, context: &[u8], message: &[u8]) -> AsyncTask<Job> {
    let (key, context, message) = (Arc::clone(key), context.to_vec(), message.to_vec());
    job(move || Ok(key.sign(&context, &message).map_err(coded)?.to_vec()))
}

#[napi(catch_unwind)]
pub fn ml_dsa_sign_sync(key: &External<Arc<SigningKey>>, context: &[u8], message: &[u8]) -> Result<Uint8Array> {
    Ok(key.sign(context, message).map_err(coded)?.to_vec().into())
}

/// By AWS-LC alone.
#[napi(catch_unwind)]
pub fn ml_dsa_verify_sync(public_key: &[u8], context: &[u8], message: &[u8], signature: &[u8]) -> bool {
    mldsa::verify(public_key, context, message, signature)
}

/// One byte per item, 1 = valid, on all cores. The four lists are parallel.
#[napi(catch_unwind)]
pub fn ml_dsa_verify_batch(
    public_keys: Vec<&[u8]>,
    contexts: Vec<&[u8]>,
    messages: Vec<&[u8]>,
    signatures: Vec<&[u8]>,
) -> Result<AsyncTask<Job>> {
    let batch = Batch::copy([public_keys, contexts, messages, signatures])?;
    Ok(job(move || {
        let threads = available_parallelism().map_or(1, NonZero::get);
        Ok(bytes(mldsa::verify_many(&batch.items(), threads).map_err(coded)?))
    }))
}

/// Names of the verifiers that this processor has, the one in use first; a verifier's index stands for it below.
#[napi(catch_unwind)]
pub fn ml_dsa_verifiers() -> Vec<&'static str> {
    Implementation::available().into_iter().map(Implementation::name).collect()
}

/// As `ml_dsa_verify_batch`, but the verdicts of one verifier on one thread, not confirmed by AWS-LC: for tests.
#[napi(catch_unwind)]
pub fn ml_dsa_verdicts(
    verifier: u32,
    public_keys: Vec<&[u8]>,
    contexts: Vec<&[u8]>,
    messages: Vec<&[u8]>,
    signatures: Vec<&[u8]>,
) -> Result<AsyncTask<Job>> {
    let unknown = || coded(CryptoError::UnknownVerifier { index: verifier });
    let implementation = *Implementation::available().get(verifier as usize).ok_or_else(unknown)?;
    let batch = Batch::copy([public_keys, contexts, messages, signatures])?;
    Ok(job(move || Ok(bytes(mldsa::verdicts(implementation, &batch.items())))))
}

/// How often the key of a signature was kept in its expanded form, and how often not.
#[napi(object)]
pub struct KeyLookups {
    pub hits: i64,
    pub misses: i64,
}

#[napi(catch_unwind)]
pub fn ml_dsa_key_lookups() -> KeyLookups {
    let (hits, misses) = mldsa::key_lookups();
    // Counted below 2^53.
    KeyLookups { hits: hits as i64, misses: misses as i64 }
}

/// A copy of public keys, contexts, messages and signatures, because JavaScript may write to its arrays meanwhile.
struct Batch([List; 4]);

/// One after the other in one piece of memory.
struct List {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    fn copy(lists: [Vec<&[u8]>; 4]) -> Result<Self> {
        let count = lists[0].len();
        if count > MAX_BATCH_ITEMS {
            return Err(coded(CryptoError::BatchTooLarge { limit: MAX_BATCH_ITEMS, got: count }));
        }
        if let Some(list) = lists.iter().find(|list| list.len() != count) {
            return Err(coded(CryptoError::BatchShape { expected: count, got: list.len() }));
        }
        Ok(Self(lists.map(|items| List::copy(&items))))
    }

    fn items(&self) -> Vec<Signed<'_>> {
        let [public_keys, contexts, messages, signatures] = &self.0;
        let item = |i| Signed {
            public_key: public_keys.item(i),
            context: contexts.item(i),
            message: messages.item(i),
            signature: signatures.item(i),
        };
        (0..public_keys.ends.len()).map(item).collect()
    }
}

impl List {
    fn copy(items: &[&[u8]]) -> Self {
        let ends = items.iter().scan(0, |end, item| {
            *end += item.len();
            Some(*end)
        });
        Self { bytes: items.concat(), ends: ends.collect() }
    }

    fn item(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }
}

fn bytes(verdicts: Vec<bool>) -> Vec<u8> {
    verdicts.into_iter().map(u8::from).collect()
}

/// The public key of a 64-byte seed.
#[napi(catch_unwind)]
pub fn ml_kem_public_key(seed: &[u8]) -> Result<Uint8Array> {
    Ok(mlkem::public_key(seed).map_err(coded)?.to_vec().into())
}

/// Ciphertext followed by the shared secret.
#[napi(catch_unwind)]
pub fn ml_kem_encapsulate(public_key: &[u8]) -> Result<Uint8Array> {
    let (ciphertext, shared_secret) = mlkem::encapsulate(public_key).map_err(coded)?;
    Ok([ciphertext.as_slice(), shared_secret.as_slice()].concat().into())
}

#[napi(catch_unwind)]
pub fn ml_kem_decapsulate(seed: &[u8], ciphertext: &[u8]) -> Result<Uint8Array> {
    Ok(mlkem::decapsulate(seed, ciphertext).map_err(coded)?.to_vec().into())
}

fn write_digest(digest: &Digest, output: &mut [u8]) -> Result<()> {
    let got = output.len();
    let output: &mut Digest = output
        .try_into()
        .map_err(|_| coded(CryptoError::Length { what: "digest output", expected: DIGEST_BYTES, got }))?;
    *output = *digest;
    Ok(())
}
