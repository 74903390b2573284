//! Every verifier judges as AWS-LC does, whatever is changed of a signature, its key, context and message. On stable Rust:
//! `cargo fuzz run --sanitizer none verifier`.
#![no_main]

use std::sync::LazyLock;

use av10_core::mldsa::{Implementation, Signed, SigningKey, verdicts, verify};
use libfuzzer_sys::fuzz_target;

/// A field, a place in it and a change, four bytes each. Most inputs stay close to a valid signature, because anything else
/// is refused by the first checks.
const EDIT_BYTES: usize = 4;

struct Parts {
    public_key: Vec<u8>,
    context: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

static VALID: LazyLock<Parts> = LazyLock::new(|| {
    let key = SigningKey::from_seed(&[1; 32]).expect("a seed of 32 bytes");
    let (context, message) = (b"context".to_vec(), b"message".to_vec());
    let signature = key.sign(&context, &message).expect("a short context").to_vec();
    Parts { public_key: key.public_key().to_vec(), context, message, signature }
});

fuzz_target!(|edits: &[u8]| {
    let [mut public_key, mut context, mut message, mut signature] =
        [&VALID.public_key, &VALID.context, &VALID.message, &VALID.signature].map(Clone::clone);
    for &[field, low, high, change] in edits.as_chunks::<EDIT_BYTES>().0 {
        let bytes = match field % 8 {
            0 => &mut public_key,
            1 => &mut context,
            2 => &mut message,
            _ => &mut signature,
        };
        let at = usize::from(u16::from_le_bytes([low, high])) % bytes.len();
        // The hints are at the end, where small values matter.
        match field % 8 {
            3 => bytes[at] = change,
            4 => {
                let last = bytes.len() - 1;
                bytes[last - at % 83] = change % 80;
            }
            _ => bytes[at] ^= change,
        }
    }
    let expected = verify(&public_key, &context, &message, &signature);
    let signed = Signed { public_key: &public_key, context: &context, message: &message, signature: &signature };
    for implementation in Implementation::available() {
        assert_eq!(verdicts(implementation, &[signed]), [expected], "{}", implementation.name());
    }
});
