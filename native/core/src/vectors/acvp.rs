//! The ACVP sets use the internal interface of FIPS 204 (no context): here they run through external mu.

use std::collections::HashMap;

use serde_json::Value;
use sha3::Shake256;
use sha3::digest::{ExtendableOutput, Update};

use super::{assert_covered, bytes, cases, read};
use crate::aws_lc::Key;
use crate::mldsa::SigningKey;
use crate::mlkem;

struct Set {
    prompt: Value,
    expected: HashMap<u64, Value>,
}

impl Set {
    fn read(name: &str) -> Self {
        let expected = read(&format!("{name}-expectedResults"));
        let expected = cases(&expected).map(|(_, result)| (result["tcId"].as_u64().unwrap(), result.clone())).collect();
        Self { prompt: read(&format!("{name}-prompt")), expected }
    }

    /// The tests of one parameter set, each with its group and expected result.
    fn cases(&self, parameters: &str) -> impl Iterator<Item = (&Value, &Value, &Value)> {
        cases(&self.prompt)
            .filter(move |(group, _)| group["parameterSet"] == parameters)
            .map(|(group, test)| (group, test, &self.expected[&test["tcId"].as_u64().unwrap()]))
    }
}

#[test]
fn ml_dsa_keygen() {
    const SET: &str = "acvp/ML-DSA-keyGen-FIPS204";
    let set = Set::read(SET);
    let mut count = 0;
    for (_, test, result) in set.cases("ML-DSA-87") {
        let key = SigningKey::from_seed(&bytes(&test["seed"])).unwrap();
        assert_eq!(key.public_key().as_slice(), bytes(&result["pk"]), "case {}", test["tcId"]);
        count += 1;
    }
    assert_covered(SET, count);
}

#[test]
fn ml_dsa_verify() {
    const SET: &str = "acvp/ML-DSA-sigVer-FIPS204";
    let set = Set::read(SET);
    let (mut passed, mut failed) = (0, 0);
    for (group, test, result) in set.cases("ML-DSA-87") {
        let public_key = bytes(&group["pk"]);
        let key = Key::ml_dsa_public(public_key.as_slice().try_into().unwrap()).unwrap();
        let accepted = key.verify_mu(&mu(&public_key, &bytes(&test["message"])), &bytes(&test["signature"]));
        assert_eq!(accepted, result["testPassed"].as_bool().unwrap(), "case {}", test["tcId"]);
        if accepted { passed += 1 } else { failed += 1 }
    }
    assert!(passed > 0 && failed > 0);
    assert_covered(SET, passed + failed);
}

#[test]
fn ml_kem_keygen() {
    const SET: &str = "acvp/ML-KEM-keyGen-FIPS203";
    let set = Set::read(SET);
    let mut count = 0;
    for (_, test, result) in set.cases("ML-KEM-1024") {
        let seed = [bytes(&test["d"]), bytes(&test["z"])].concat();
        assert_eq!(mlkem::public_key(&seed).unwrap().as_slice(), bytes(&result["ek"]), "case {}", test["tcId"]);
        count += 1;
    }
    assert_covered(SET, count);
}

#[test]
fn ml_kem_encapsulate_and_decapsulate() {
    const SET: &str = "acvp/ML-KEM-encapDecap-FIPS203";
    let set = Set::read(SET);
    let (mut encapsulated, mut decapsulated) = (0, 0);
    for (group, test, result) in set.cases("ML-KEM-1024") {
        if group["function"] == "encapsulation" {
            let key = Key::ml_kem_public(bytes(&test["ek"]).as_slice().try_into().unwrap()).unwrap();
            let made = key.encapsulate_with(&bytes(&test["m"]).try_into().unwrap()).unwrap();
            assert_eq!(made.ciphertext.as_slice(), bytes(&result["c"]), "case {}", test["tcId"]);
            assert_eq!(made.shared_secret.as_slice(), bytes(&result["k"]), "case {}", test["tcId"]);
            encapsulated += 1;
        } else {
            let key = Key::ml_kem_expanded(&bytes(&group["dk"])).unwrap();
            let mut secret = [0; mlkem::SHARED_SECRET_BYTES];
            key.decapsulate(bytes(&test["c"]).as_slice().try_into().unwrap(), &mut secret).unwrap();
            assert_eq!(secret.as_slice(), bytes(&result["k"]), "case {}", test["tcId"]);
            decapsulated += 1;
        }
    }
    assert!(encapsulated > 0 && decapsulated > 0);
    assert_covered(SET, encapsulated + decapsulated);
}

/// mu of FIPS 204 algorithm 8 for a message that is already M'.
fn mu(public_key: &[u8], message: &[u8]) -> [u8; 64] {
    let mut tr = [0; 64];
    Shake256::digest_xof(public_key, &mut tr);
    let mut mu = [0; 64];
    let mut hasher = Shake256::default();
    hasher.update(&tr);
    hasher.update(message);
    hasher.finalize_xof_into(&mut mu);
    mu
}
