//! Transaction bodies: `docs/spec/transaction.md`.

use super::reader::{DecodeError, Reader};
use crate::domain::Domain;
use crate::hash::{self, Digest};
use crate::mldsa::{PUBLIC_KEY_BYTES, SIGNATURE_BYTES};

pub const VERSION: u8 = 1;
pub const MAX_TRANSACTION_BYTES: usize = 128 * 1024;
pub const MAX_BODY_BYTES: usize = MAX_TRANSACTION_BYTES - SIGNATURE_BYTES;
pub const MAX_TRANSFERS: usize = 8192;
pub const MAX_ANCHOR_BYTES: usize = 1024;
/// As much as the total power of a committee.
const MAX_POWER: u32 = 1 << 31;

const ATOMIC: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction<'a> {
    pub sender: Digest,
    pub key_version: u32,
    pub nonce: u64,
    pub expiry_ms: u64,
    pub fee: u64,
    pub payload: Payload<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload<'a> {
    Transfers(Batch),
    OpenAccount(&'a [u8; PUBLIC_KEY_BYTES]),
    RotateKey(&'a [u8; PUBLIC_KEY_BYTES]),
    ValidatorChange { validator_id: Digest, power: u32 },
    DataAnchor(&'a [u8]),
}

/// Columns of equal length, 1 to 8,192; amounts from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub asset: u32,
    pub atomic: bool,
    pub recipients: Vec<u32>,
    pub amounts: Vec<u64>,
}

impl Payload<'_> {
    pub fn kind(&self) -> u8 {
        match self {
            Self::Transfers(_) => 1,
            Self::OpenAccount(_) => 2,
            Self::RotateKey(_) => 3,
            Self::ValidatorChange { .. } => 4,
            Self::DataAnchor(_) => 5,
        }
    }

    /// Transfers of a batch, 0 for any other kind.
    pub fn transfers(&self) -> u16 {
        match self {
            // The codec admits at most 8,192.
            Self::Transfers(batch) => batch.recipients.len() as u16,
            _ => 0,
        }
    }
}

impl<'a> Transaction<'a> {
    /// Accepts exactly the canonical bytes.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(DecodeError::Limit);
        }
        let mut reader = Reader::new(body);
        if reader.u8()? != VERSION {
            return Err(DecodeError::NonCanonical);
        }
        let kind = reader.u8()?;
        let sender = reader.array()?;
        let key_version = reader.u32()?;
        let nonce = reader.u53()?;
        let expiry_ms = reader.u53()?;
        let fee = reader.u64()?;
        let payload = read_payload(kind, &mut reader)?;
        reader.end()?;
        Ok(Self { sender, key_version, nonce, expiry_ms, fee, payload })
    }
}

fn read_payload<'a>(kind: u8, reader: &mut Reader<'a>) -> Result<Payload<'a>, DecodeError> {
    match kind {
        1 => read_batch(reader).map(Payload::Transfers),
        2 => read_key(reader).map(Payload::OpenAccount),
        3 => read_key(reader).map(Payload::RotateKey),
        4 => {
            let validator_id = reader.array()?;
            let power = reader.u32()?;
            if power > MAX_POWER {
                Err(DecodeError::Limit)
            } else {
                Ok(Payload::ValidatorChange { validator_id, power })
            }
        }
        5 => {
            let length = usize::from(reader.u16()?);
            match reader.count(length, MAX_ANCHOR_BYTES, 1)? {
                0 => Err(DecodeError::NonCanonical),
                length => reader.bytes(length).map(Payload::DataAnchor),
            }
        }
        _ => Err(DecodeError::NonCanonical),
    }
}

fn read_key<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8; PUBLIC_KEY_BYTES], DecodeError> {
    reader.bytes(PUBLIC_KEY_BYTES)?.try_into().map_err(|_| DecodeError::Truncated)
}

fn read_batch(reader: &mut Reader<'_>) -> Result<Batch, DecodeError> {
    let asset = reader.u32()?;
    let flags = reader.u8()?;
    let count = usize::from(reader.u16()?);
    let handle_bytes = usize::from(reader.u8()?);
    let amount_bytes = usize::from(reader.u8()?);
    let widths_fit = (1..=4).contains(&handle_bytes) && (1..=8).contains(&amount_bytes);
    if flags > ATOMIC || count == 0 || !widths_fit {
        return Err(DecodeError::NonCanonical);
    }
    reader.count(count, MAX_TRANSFERS, handle_bytes + amount_bytes)?;
    let recipients = column(reader.bytes(count * handle_bytes)?, handle_bytes, |value| value as u32);
    let amounts = column(reader.bytes(count * amount_bytes)?, amount_bytes, |value| value);
    // The width of the bits in use is the width of the highest value.
    let handles_used = recipients.iter().fold(0, |used, handle| used | handle);
    let amounts_used = amounts.iter().fold(0, |used, amount| used | amount);
    if width(u64::from(handles_used)) != handle_bytes || width(amounts_used) != amount_bytes || amounts.contains(&0) {
        return Err(DecodeError::NonCanonical);
    }
    Ok(Batch { asset, atomic: flags == ATOMIC, recipients, amounts })
}

/// The values of a column of `width` bytes each, 1 to 8.
fn column<T>(bytes: &[u8], width: usize, narrow: fn(u64) -> T) -> Vec<T> {
    // A width that the compiler knows turns each value into one load.
    match width {
        1 => values::<1, T>(bytes, narrow),
        2 => values::<2, T>(bytes, narrow),
        3 => values::<3, T>(bytes, narrow),
        4 => values::<4, T>(bytes, narrow),
        5 => values::<5, T>(bytes, narrow),
        6 => values::<6, T>(bytes, narrow),
        7 => values::<7, T>(bytes, narrow),
        _ => values::<8, T>(bytes, narrow),
    }
}

fn values<const WIDTH: usize, T>(bytes: &[u8], narrow: fn(u64) -> T) -> Vec<T> {
    let value = |value: &[u8; WIDTH]| {
        let mut wide = [0; 8];
        wide[..WIDTH].copy_from_slice(value);
        narrow(u64::from_le_bytes(wide))
    };
    bytes.as_chunks::<WIDTH>().0.iter().map(value).collect()
}

/// Bytes that hold `value`, at least one.
fn width(value: u64) -> usize {
    (u64::BITS - value.leading_zeros()).div_ceil(8).max(1) as usize
}

/// The encoder of tests and benchmarks; clients encode in TypeScript.
pub fn encode(transaction: &Transaction<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + PUBLIC_KEY_BYTES);
    out.extend([VERSION, transaction.payload.kind()]);
    out.extend(transaction.sender);
    out.extend(transaction.key_version.to_le_bytes());
    out.extend(transaction.nonce.to_le_bytes());
    out.extend(transaction.expiry_ms.to_le_bytes());
    out.extend(transaction.fee.to_le_bytes());
    match &transaction.payload {
        Payload::Transfers(batch) => encode_batch(&mut out, batch),
        Payload::OpenAccount(key) | Payload::RotateKey(key) => out.extend_from_slice(*key),
        Payload::ValidatorChange { validator_id, power } => {
            out.extend(validator_id);
            out.extend(power.to_le_bytes());
        }
        Payload::DataAnchor(data) => {
            out.extend((data.len() as u16).to_le_bytes());
            out.extend_from_slice(data);
        }
    }
    out
}

fn encode_batch(out: &mut Vec<u8>, batch: &Batch) {
    let handle_bytes = width(u64::from(batch.recipients.iter().fold(0, |used, handle| used | handle)));
    let amount_bytes = width(batch.amounts.iter().fold(0, |used, amount| used | amount));
    out.extend(batch.asset.to_le_bytes());
    out.push(u8::from(batch.atomic));
    out.extend((batch.recipients.len() as u16).to_le_bytes());
    out.extend([handle_bytes as u8, amount_bytes as u8]);
    batch.recipients.iter().for_each(|handle| out.extend_from_slice(&handle.to_le_bytes()[..handle_bytes]));
    batch.amounts.iter().for_each(|amount| out.extend_from_slice(&amount.to_le_bytes()[..amount_bytes]));
}

/// The id covers the body and never the signature.
pub fn id(body: &[u8]) -> Digest {
    hash::hash(Domain::Tx, &[body])
}
