//! The house's own golden values (`test/vectors/crypto/make-golden.ts`): contexts and hash domains.

use std::fs::File;

use serde_json::Value;

use super::{FOLDER, bytes};
use crate::domain::Domain;
use crate::hash::hash;
use crate::mldsa::verify;

fn read(name: &str) -> Value {
    serde_json::from_reader(File::open(format!("{FOLDER}/{name}.json")).unwrap()).unwrap()
}

#[test]
fn hash_domains() {
    let golden = read("hash-domains");
    let digests = golden["digests"].as_object().unwrap();
    assert_eq!(digests.len(), Domain::ALL.len());
    for &domain in Domain::ALL {
        assert_eq!(hash(domain, &[&bytes(&golden["input"])]).as_slice(), bytes(&digests[domain.name()]), "{domain:?}");
    }
}

#[test]
fn signature_contexts() {
    let golden = read("signature-contexts");
    let (public_key, message) = (bytes(&golden["publicKey"]), bytes(&golden["message"]));
    let purposes = golden["purposes"].as_object().unwrap();
    assert_eq!(purposes.len(), 4);
    for (purpose, made) in purposes {
        let signature = bytes(&made["signature"]);
        for (other, context) in purposes.iter().map(|(other, made)| (other, bytes(&made["context"]))) {
            let accepted = verify(&public_key, &context, &message, &signature);
            assert_eq!(accepted, purpose == other, "signature for {purpose} under {other}");
        }
    }
}
