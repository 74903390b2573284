//! The public vectors of `test/vectors/crypto/data`, as far as AWS-LC's interface can run them. The TypeScript tests
//! read the same files; `test/vectors/crypto/README.md` has the table of who runs what.

mod acvp;
mod golden;
mod wycheproof;

use std::fs::File;

use flate2::read::GzDecoder;
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/vectors/crypto");

fn read(name: &str) -> Value {
    let file = File::open(format!("{FOLDER}/data/{name}.json.gz")).unwrap();
    serde_json::from_reader(GzDecoder::new(file)).unwrap()
}

/// Fails unless exactly as many cases of `set` were run as `coverage.json` promises for this crate.
fn assert_covered(set: &str, count: usize) {
    let table: Value = serde_json::from_reader(File::open(format!("{FOLDER}/coverage.json")).unwrap()).unwrap();
    assert!(count > 0, "no case of {set} was run");
    assert_eq!(Some(count as u64), table[set]["core"].as_u64(), "{set}: coverage.json says otherwise");
}

/// Each test of a vector file beside its group.
fn cases(file: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = file["testGroups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["tests"].as_array().unwrap().iter().map(move |test| (group, test)))
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The bytes of a member that may be absent, then empty.
fn optional(value: &Value) -> Vec<u8> {
    if value.is_null() { Vec::new() } else { bytes(value) }
}
