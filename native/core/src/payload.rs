//! Block payloads: every length-prefixed body, then every signature (`docs/spec/block.md`).

use crate::codec::transaction::MAX_TRANSACTION_BYTES;
use crate::codec::{DecodeError, Reader};
use crate::domain::Domain;
use crate::hash::{self, Digest};
use crate::mldsa::SIGNATURE_BYTES;

/// One transaction of a payload with the names that one pass over its bytes yields.
pub struct Item<'a> {
    pub id: Digest,
    pub wire_key: Digest,
    pub body: &'a [u8],
    pub signature: &'a [u8],
}

/// Checks the framing and names each item; never looks into a body.
pub fn parse(payload: &[u8], tx_count: usize) -> Result<Vec<Item<'_>>, DecodeError> {
    Ok(split(payload, tx_count)?.map(|(body, signature)| item(body, signature)).collect())
}

/// The digest that a block header states for `items`.
pub fn digest(items: &[Item<'_>]) -> Digest {
    let mut bodies = hash::hasher(Domain::Bodies);
    let mut signatures = hash::hasher(Domain::Sigs);
    for item in items {
        bodies.update(&item.id);
        signatures.update(&hash::hash(Domain::Sig, &[item.signature]));
    }
    hash::hash(Domain::Payload, &[bodies.finalize().as_bytes(), signatures.finalize().as_bytes()])
}

type Pair<'a> = (&'a [u8], &'a [u8]);

/// Body and signature of each transaction.
pub fn split(payload: &[u8], tx_count: usize) -> Result<impl Iterator<Item = Pair<'_>>, DecodeError> {
    let mut reader = Reader::new(payload);
    reader.count(tx_count, tx_count, 4 + SIGNATURE_BYTES)?;
    let mut bodies = Vec::with_capacity(tx_count);
    for _ in 0..tx_count {
        let length = reader.u32()? as usize;
        if length > MAX_TRANSACTION_BYTES - SIGNATURE_BYTES {
            return Err(DecodeError::Limit);
        }
        bodies.push(reader.bytes(length)?);
    }
    let signatures = reader.bytes(tx_count * SIGNATURE_BYTES)?;
    reader.end()?;
    Ok(bodies.into_iter().zip(signatures.chunks_exact(SIGNATURE_BYTES)))
}

pub fn item<'a>(body: &'a [u8], signature: &'a [u8]) -> Item<'a> {
    let id = hash::hash(Domain::Tx, &[body]);
    let wire_key = hash::hash(Domain::Wire, &[&id, &hash::hash(Domain::Sig, &[signature])]);
    Item { id, wire_key, body, signature }
}
