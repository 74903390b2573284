//! The vectors that TypeScript wrote, and properties of the decoder.

use proptest::prelude::*;
use serde_json::Value;

use super::receipt::Receipt;
use super::statement::{self, Statement};
use super::transaction::{self, Batch, Payload, Transaction};
use super::{DecodeError, Reader};
use crate::domain::Domain;
use crate::hash::{hash, plain};
use crate::mldsa::{PUBLIC_KEY_BYTES, SIGNATURE_BYTES};
use crate::payload;

pub(crate) fn load(file: &str) -> Value {
    let path = format!("{}/../../test/vectors/ledger/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn digest(value: &Value) -> [u8; 32] {
    bytes(value).try_into().unwrap()
}

#[test]
fn transactions_have_the_golden_bytes_and_ids() {
    let file = load("transactions.json");
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 10);
    let mut payload = Vec::new();
    let mut signatures = Vec::new();
    for vector in vectors {
        let name = &vector["name"];
        let body = bytes(&vector["body"]);
        let decoded = Transaction::decode(&body).unwrap();
        assert_eq!(transaction::encode(&decoded), body, "{name}");
        assert_eq!(decoded.nonce, vector["transaction"]["nonce"].as_u64().unwrap(), "{name}");
        assert_eq!(decoded.fee.to_string(), vector["transaction"]["fee"].as_str().unwrap(), "{name}");
        if let Payload::Transfers(batch) = &decoded.payload {
            let amounts: Vec<_> = batch.amounts.iter().map(u64::to_string).collect();
            assert_eq!(Value::from(amounts), vector["transaction"]["amounts"], "{name}");
            assert_eq!(Value::from(batch.recipients.clone()), vector["transaction"]["recipients"], "{name}");
        }
        let signature = vec![vector["signatureByte"].as_u64().unwrap() as u8; SIGNATURE_BYTES];
        let item = payload::item(&body, &signature);
        assert_eq!((item.id, item.wire_key), (digest(&vector["id"]), digest(&vector["wireKey"])), "{name}");
        payload.extend((body.len() as u32).to_le_bytes());
        payload.extend(body);
        signatures.extend(signature);
    }
    payload.extend(signatures);
    assert_eq!(plain(&payload), digest(&file["payload"]["blake3"]));
    let items = payload::parse(&payload, vectors.len()).unwrap();
    assert_eq!(payload::digest(&items), digest(&file["payload"]["digest"]));
}

#[test]
fn what_typescript_refuses_is_refused_for_the_same_reason() {
    let file = load("refused.json");
    let vectors = file.as_array().unwrap();
    assert_eq!(vectors.len(), 23);
    for vector in vectors {
        let code = match Transaction::decode(&bytes(&vector["body"])).unwrap_err() {
            DecodeError::Truncated => "TRUNCATED",
            DecodeError::TrailingBytes => "TRAILING_BYTES",
            DecodeError::NonCanonical => "NON_CANONICAL",
            DecodeError::Limit => "LIMIT",
        };
        assert_eq!(code, vector["code"].as_str().unwrap(), "{}", vector["name"]);
    }
}

#[test]
fn receipts_have_the_golden_bytes() {
    let file = load("receipts.json");
    let vectors = file.as_array().unwrap();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let expected = bytes(&vector["bytes"]);
        let mut reader = Reader::new(&expected);
        let receipt = Receipt {
            id: reader.array().unwrap(),
            commit: reader.u64().unwrap(),
            code: reader.u8().unwrap(),
            kind: reader.u8().unwrap(),
            sender: reader.u32().unwrap(),
            nonce: reader.u64().unwrap(),
            fee: reader.u64().unwrap(),
            detail: reader.u32().unwrap(),
            transfers: reader.u16().unwrap(),
            bitmap: &bytes(&vector["receipt"]["bitmap"]),
        };
        assert_eq!(receipt.detail, vector["receipt"]["detail"].as_u64().unwrap() as u32);
        assert_eq!(receipt.commit, vector["receipt"]["commit"].as_u64().unwrap());
        let mut encoded = Vec::new();
        receipt.encode_into(&mut encoded);
        assert_eq!(encoded, expected);
    }
}

#[test]
fn the_statement_has_the_golden_bytes_and_digest() {
    let vector = load("statement.json")["open"].take();
    let expected = bytes(&vector["bytes"]);
    let statement = Statement::decode(&mut Reader::new(&expected)).unwrap();
    assert_eq!(statement.encode(), expected);
    assert_eq!(statement.results_root, digest(&vector["statement"]["resultsRoot"]));
    assert_eq!(statement::digest(&expected), digest(&vector["digest"]));
}

#[test]
fn a_page_has_the_golden_leaf() {
    let vector = load("page.json");
    let statics = hash(Domain::Static, &[&[0x11; 32 * 72]]);
    assert_eq!(statics, digest(&vector["staticsDigest"]));
    let leaf = hash(Domain::Leaf, &[&5u32.to_le_bytes(), &statics, &[0x22; 256], &[0x33; 256]]);
    assert_eq!(leaf, digest(&vector["leaf"]));
}

fn any_payload() -> impl Strategy<Value = (u8, Vec<u8>, Batch)> {
    let transfers = prop::collection::vec((any::<u32>(), 1..=u64::MAX, 0u32..64), 1..40);
    let batch = (any::<u32>(), any::<bool>(), transfers).prop_map(|(asset, atomic, transfers)| Batch {
        asset,
        atomic,
        // Shifted, so that narrow columns come as often as wide ones.
        recipients: transfers.iter().map(|(handle, _, shift)| handle >> (shift % 32)).collect(),
        amounts: transfers.iter().map(|(_, amount, shift)| (amount >> shift).max(1)).collect(),
    });
    (1u8..=5, prop::collection::vec(any::<u8>(), PUBLIC_KEY_BYTES), batch)
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused_and_only_canonical_ones_decoded(body in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(transaction) = Transaction::decode(&body) {
            prop_assert_eq!(transaction::encode(&transaction), body);
        }
    }

    #[test]
    fn a_valid_body_with_one_byte_changed_is_canonical_or_refused(
        (kind, key, batch) in any_payload(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut body = sample(kind, &key, batch);
        let at = at.index(body.len());
        if cut { body.truncate(at) } else { body[at] = byte }
        if let Ok(transaction) = Transaction::decode(&body) {
            prop_assert_eq!(transaction::encode(&transaction), body);
        }
    }

    #[test]
    fn what_is_encoded_is_decoded((kind, key, batch) in any_payload()) {
        let body = sample(kind, &key, batch.clone());
        let decoded = Transaction::decode(&body).unwrap();
        prop_assert_eq!(transaction::encode(&decoded), body.clone());
        if kind == 1 {
            prop_assert_eq!(decoded.payload, Payload::Transfers(batch));
        }
    }

    #[test]
    fn no_payload_framing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0usize..70_000) {
        prop_assert!(payload::parse(&bytes, count).is_err() || count == 0);
    }
}

fn sample(kind: u8, key: &[u8], batch: Batch) -> Vec<u8> {
    let public_key = key.try_into().unwrap();
    let payload = match kind {
        1 => Payload::Transfers(batch),
        2 => Payload::OpenAccount(public_key),
        3 => Payload::RotateKey(public_key),
        4 => Payload::ValidatorChange { validator_id: [key[0]; 32], power: u32::from(key[1]) },
        _ => Payload::DataAnchor(&key[..usize::from(key[0]) + 1]),
    };
    transaction::encode(&Transaction { sender: [1; 32], key_version: 2, nonce: 3, expiry_ms: 4, fee: 5, payload })
}
