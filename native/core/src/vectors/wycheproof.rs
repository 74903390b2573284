use serde_json::Value;

use super::{assert_covered, bytes, cases, optional, read};
use crate::aws_lc::Key;
use crate::mldsa::{Implementation, Signed, SigningKey, verdicts, verify};
use crate::{mldsa, mlkem};

fn is_valid(test: &Value) -> bool {
    test["result"] == "valid"
}

/// Some cases give the message, some only FIPS 204's external mu.
fn verifies(public_key: &[u8], test: &Value, signature: &[u8]) -> bool {
    if test["msg"].is_null() {
        let public_key: &[u8; mldsa::PUBLIC_KEY_BYTES] = public_key.try_into().unwrap();
        let mu = bytes(&test["mu"]).try_into().unwrap();
        return Key::ml_dsa_public(public_key).unwrap().verify_mu(&mu, signature);
    }
    let (context, message) = (optional(&test["ctx"]), bytes(&test["msg"]));
    let accepted = verify(public_key, &context, &message, signature);
    let signed = Signed { public_key, context: &context, message: &message, signature };
    for implementation in Implementation::available() {
        let own = verdicts(implementation, &[signed]);
        assert_eq!(own, [accepted], "{}, case {}: {}", implementation.name(), test["tcId"], test["comment"]);
    }
    accepted
}

#[test]
fn ml_dsa_verify() {
    const SET: &str = "wycheproof/mldsa_87_verify_test";
    let file = read(SET);
    let mut count = 0;
    for (group, test) in cases(&file) {
        let accepted = verifies(&bytes(&group["publicKey"]), test, &bytes(&test["sig"]));
        assert_eq!(accepted, is_valid(test), "case {}: {}", test["tcId"], test["comment"]);
        count += 1;
    }
    assert_covered(SET, count);
}

/// EVP has no deterministic signing: the expected signature is verified, and one of our own for the same input.
#[test]
fn ml_dsa_sign_with_seed() {
    const SET: &str = "wycheproof/mldsa_87_sign_seed_test";
    let file = read(SET);
    let (mut valid, mut invalid) = (0, 0);
    for (group, test) in cases(&file) {
        let key = SigningKey::from_seed(&bytes(&group["privateSeed"]));
        let context = optional(&test["ctx"]);
        if !is_valid(test) {
            assert!(
                key.is_err() || key.unwrap().sign(&context, &bytes(&test["msg"])).is_err(),
                "case {}",
                test["tcId"]
            );
            invalid += 1;
            continue;
        }
        let key = key.unwrap();
        assert_eq!(key.public_key().as_slice(), bytes(&group["publicKey"]), "case {}", test["tcId"]);
        assert!(verifies(key.public_key(), test, &bytes(&test["sig"])), "case {}", test["tcId"]);
        if !test["msg"].is_null() {
            let own = key.sign(&context, &bytes(&test["msg"])).unwrap();
            assert!(verifies(key.public_key(), test, &own), "case {}", test["tcId"]);
        }
        valid += 1;
    }
    assert!(valid > 0 && invalid > 0);
    assert_covered(SET, valid + invalid);
}

/// Expanded private keys are no form of ours: only the expected signatures are verified.
#[test]
fn ml_dsa_sign_without_seed() {
    const SET: &str = "wycheproof/mldsa_87_sign_noseed_test";
    let file = read(SET);
    let mut count = 0;
    for (group, test) in cases(&file).filter(|(_, test)| is_valid(test)) {
        assert!(verifies(&bytes(&group["publicKey"]), test, &bytes(&test["sig"])), "case {}", test["tcId"]);
        count += 1;
    }
    assert_covered(SET, count);
}

#[test]
fn ml_kem_keygen_and_decapsulate() {
    const SET: &str = "wycheproof/mlkem_1024_test";
    let file = read(SET);
    let (mut valid, mut invalid) = (0, 0);
    for (_, test) in cases(&file) {
        let (seed, ciphertext) = (bytes(&test["seed"]), bytes(&test["c"]));
        let secret = mlkem::decapsulate(&seed, &ciphertext);
        if is_valid(test) {
            assert_eq!(mlkem::public_key(&seed).unwrap().as_slice(), bytes(&test["ek"]), "case {}", test["tcId"]);
            assert_eq!(secret.unwrap().as_slice(), bytes(&test["K"]), "case {}", test["tcId"]);
            valid += 1;
        } else {
            assert!(secret.is_err(), "case {}", test["tcId"]);
            invalid += 1;
        }
    }
    assert!(valid > 0 && invalid > 0);
    assert_covered(SET, valid + invalid);
}

#[test]
fn ml_kem_encapsulate() {
    const SET: &str = "wycheproof/mlkem_1024_encaps_test";
    let file = read(SET);
    let (mut valid, mut invalid) = (0, 0);
    for (_, test) in cases(&file) {
        let public_key = bytes(&test["ek"]);
        if is_valid(test) {
            let key = Key::ml_kem_public(public_key.as_slice().try_into().unwrap()).unwrap();
            let made = key.encapsulate_with(&bytes(&test["m"]).try_into().unwrap()).unwrap();
            assert_eq!(made.ciphertext.as_slice(), bytes(&test["c"]), "case {}", test["tcId"]);
            assert_eq!(made.shared_secret.as_slice(), bytes(&test["K"]), "case {}", test["tcId"]);
            valid += 1;
        } else {
            assert!(mlkem::encapsulate(&public_key).is_err(), "case {}", test["tcId"]);
            invalid += 1;
        }
    }
    assert!(valid > 0 && invalid > 0);
    assert_covered(SET, valid + invalid);
}

#[test]
fn ml_kem_keygen() {
    const SET: &str = "wycheproof/mlkem_1024_keygen_seed_test";
    let file = read(SET);
    let mut count = 0;
    for (_, test) in cases(&file) {
        assert_eq!(
            mlkem::public_key(&bytes(&test["seed"])).unwrap().as_slice(),
            bytes(&test["ek"]),
            "{}",
            test["tcId"]
        );
        count += 1;
    }
    assert_covered(SET, count);
}

/// Expanded keys come in with the checks of FIPS 203 section 7.3: both lengths, and the hash of the key inside.
#[test]
fn ml_kem_decapsulate_with_expanded_key() {
    const SET: &str = "wycheproof/mlkem_1024_semi_expanded_decaps_test";
    let file = read(SET);
    let (mut valid, mut invalid) = (0, 0);
    for (_, test) in cases(&file) {
        let accepted = Key::ml_kem_expanded(&bytes(&test["dk"])).is_ok_and(|key| {
            let mut secret = [0; mlkem::SHARED_SECRET_BYTES];
            let ciphertext = bytes(&test["c"]);
            let Ok(ciphertext) = ciphertext.as_slice().try_into() else { return false };
            let opened = key.decapsulate(ciphertext, &mut secret).is_ok();
            opened && (test["K"].is_null() || secret.as_slice() == bytes(&test["K"]))
        });
        assert_eq!(accepted, is_valid(test), "case {}: {}", test["tcId"], test["comment"]);
        if accepted { valid += 1 } else { invalid += 1 }
    }
    assert!(valid > 0 && invalid > 0);
    assert_covered(SET, valid + invalid);
}
