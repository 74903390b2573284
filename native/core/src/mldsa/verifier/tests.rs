//! Every implementation against AWS-LC.

#[cfg(feature = "measure")]
mod shares;

use super::*;
use crate::mldsa::SigningKey;

/// Numbers that are the same in every run.
struct Numbers(blake3::OutputReader);

impl Numbers {
    fn new(seed: &str) -> Self {
        Self(blake3::Hasher::new().update(seed.as_bytes()).finalize_xof())
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    fn below(&mut self, limit: usize) -> usize {
        u64::from_le_bytes(self.bytes()) as usize % limit
    }
}

#[derive(Clone)]
struct Sample {
    public_key: Vec<u8>,
    context: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Sample {
    fn valid(numbers: &mut Numbers) -> Self {
        let key = SigningKey::from_seed(&numbers.bytes::<32>()).unwrap();
        let context = numbers.bytes::<255>()[..numbers.below(256)].to_vec();
        let message = numbers.bytes::<2000>()[..numbers.below(2001)].to_vec();
        let signature = key.sign(&context, &message).unwrap().to_vec();
        Self { public_key: key.public_key().to_vec(), context, message, signature }
    }

    fn signed(&self) -> Signed<'_> {
        Signed {
            public_key: &self.public_key,
            context: &self.context,
            message: &self.message,
            signature: &self.signature,
        }
    }

    fn hints(&mut self) -> &mut [u8] {
        &mut self.signature[SIGNATURE_BYTES - 83..]
    }

    fn is_valid_by_library(&self) -> bool {
        crate::mldsa::verify(&self.public_key, &self.context, &self.message, &self.signature)
    }
}

fn flip(bytes: &mut [u8], numbers: &mut Numbers) {
    let bit = numbers.below(8 * bytes.len());
    bytes[bit / 8] ^= 1 << (bit % 8);
}

type Break = fn(&mut Sample, &mut Numbers);

/// Each breaks one thing that verification looks at.
const BREAKS: [(&str, Break); 15] = [
    ("commitment hash", |sample, numbers| flip(&mut sample.signature[..64], numbers)),
    ("z", |sample, numbers| flip(&mut sample.signature[64..SIGNATURE_BYTES - 83], numbers)),
    ("z beyond its bound", |sample, numbers| {
        // A coefficient of gamma1, or of 1 - gamma1.
        let at = 64 + 5 * numbers.below(7 * 128);
        let value = if numbers.below(2) == 0 { [0, 0] } else { [0xff, 0xff] };
        sample.signature[at..at + 2].copy_from_slice(&value);
        let nibble = if value[0] == 0 { 0 } else { 0x0f };
        sample.signature[at + 2] = sample.signature[at + 2] & 0xf0 | nibble;
    }),
    ("hint moved", |sample, numbers| {
        let count = usize::from(sample.hints()[82]);
        let at = numbers.below(count);
        sample.hints()[at] ^= 1 << numbers.below(8);
    }),
    ("hints swapped", |sample, _| sample.hints().swap(0, 1)),
    ("hint repeated", |sample, _| sample.hints()[1] = sample.hints()[0]),
    ("hint moved to the next polynomial", |sample, numbers| {
        let end = &mut sample.hints()[75 + numbers.below(7)];
        *end = end.wrapping_sub(1);
    }),
    ("hint left out", |sample, _| {
        let count = usize::from(sample.hints()[82]);
        sample.hints()[count - 1] = 0;
        sample.hints()[82] -= 1;
    }),
    ("ends decrease", |sample, _| sample.hints()[76] = sample.hints()[75].wrapping_sub(1)),
    ("too many hints", |sample, numbers| sample.hints()[82] = 76 + numbers.below(180) as u8),
    ("padding", |sample, numbers| {
        let count = usize::from(sample.hints()[82]);
        if count < 75 {
            sample.hints()[count + numbers.below(75 - count)] = 1 + numbers.below(255) as u8;
        } else {
            sample.hints()[82] -= 1;
        }
    }),
    ("seed of A", |sample, numbers| flip(&mut sample.public_key[..32], numbers)),
    ("t1", |sample, numbers| flip(&mut sample.public_key[32..], numbers)),
    ("context", |sample, numbers| {
        sample.context.resize(1 + numbers.below(256), 0x5a);
        flip(&mut sample.context, numbers);
    }),
    ("message", |sample, numbers| {
        sample.message.push(0);
        flip(&mut sample.message, numbers);
    }),
];

#[test]
fn all_implementations_judge_as_aws_lc_does_whatever_is_broken() {
    let mut numbers = Numbers::new("agreement");
    for round in 0..20 {
        let valid = Sample::valid(&mut numbers);
        let broken = BREAKS.map(|(name, change)| {
            let mut sample = valid.clone();
            change(&mut sample, &mut numbers);
            if sample.signed() == valid.signed() {
                // Two hints that are swapped, say, may be the same.
                sample.signature[0] ^= 1;
            }
            assert!(!sample.is_valid_by_library(), "{name} in round {round}");
            sample
        });
        let signed: Vec<_> = [&valid].into_iter().chain(&broken).map(Sample::signed).collect();
        for implementation in Implementation::available() {
            let verdicts = verdicts(implementation, &signed);
            assert!(verdicts[0], "{}: a valid signature, round {round}", implementation.name());
            for (verdict, (what, _)) in verdicts[1..].iter().zip(BREAKS) {
                assert!(!verdict, "{}: {what}, round {round}", implementation.name());
            }
        }
    }
}

#[test]
fn wrong_lengths_are_not_valid() {
    let valid = Sample::valid(&mut Numbers::new("lengths"));
    let signed = valid.signed();
    let wrong = [
        Signed { public_key: &valid.public_key[1..], ..signed },
        Signed { signature: &valid.signature[1..], ..signed },
        Signed { signature: &[], ..signed },
        Signed { context: &[0; 256], ..signed },
        signed,
    ];
    for implementation in Implementation::available() {
        assert_eq!(verdicts(implementation, &wrong), [false, false, false, false, true], "{}", implementation.name());
    }
    assert!(verdicts(Implementation::available()[0], &[]).is_empty());
}

/// Lengths around the blocks of Keccak, in groups whose lanes end at different times.
#[test]
fn messages_of_every_length_keep_to_their_lanes() {
    let key = SigningKey::from_seed(&[9; 32]).unwrap();
    let message = Numbers::new("lanes").bytes::<4000>();
    let lengths = (0..300).chain([1000, 4000, 3999]);
    let samples: Vec<_> = lengths
        .map(|length| {
            let message = message[..length].to_vec();
            let signature = key.sign(b"", &message).unwrap().to_vec();
            Sample { public_key: key.public_key().to_vec(), context: Vec::new(), message, signature }
        })
        .collect();
    let signed: Vec<_> = samples.iter().map(Sample::signed).collect();
    for implementation in Implementation::available() {
        let verdicts = verdicts(implementation, &signed);
        assert!(verdicts.iter().all(|&verdict| verdict), "{}: {verdicts:?}", implementation.name());
    }
}

#[test]
fn expanded_keys_are_the_same_by_every_implementation() {
    let public_key = Numbers::new("key").bytes();
    let flat = |key: &ExpandedKey| key.matrix.iter().flatten().map(|lanes| lanes.0).collect::<Vec<_>>();
    let expected = Implementation(Choice::Portable).expand(&public_key);
    for implementation in Implementation::available() {
        let key = implementation.expand(&public_key);
        assert_eq!((flat(&key), key.tr), (flat(&expected), expected.tr), "{}", implementation.name());
    }
}
