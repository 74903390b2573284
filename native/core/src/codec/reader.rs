//! A little-endian reader over bytes from outside.

/// The same four classes as in TypeScript. Which of them a malformed transaction falls into is no part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    Truncated,
    TrailingBytes,
    NonCanonical,
    Limit,
}

const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A u64 that the protocol keeps below 2^53, because JavaScript counts with it.
    pub fn u53(&mut self) -> Result<u64, DecodeError> {
        let value = self.u64()?;
        if value > MAX_SAFE_INTEGER { Err(DecodeError::Limit) } else { Ok(value) }
    }

    /// A count of items of at least `item_bytes` each, checked before anything is allocated for them.
    pub fn count(&self, value: usize, limit: usize, item_bytes: usize) -> Result<usize, DecodeError> {
        if value > limit {
            return Err(DecodeError::Limit);
        }
        if value.saturating_mul(item_bytes) > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(value)
    }

    pub fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }
}
