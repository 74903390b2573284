//! A commit to execute, decoded from the bytes that `src/execution/commit-codec.ts` writes.

use crate::codec::{DecodeError, Reader};
use crate::hash::Digest;

/// Round, author, id: ordered as commits order their blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockRef {
    pub round: u32,
    pub author: u16,
    pub id: Digest,
}

pub(super) const REF_BYTES: usize = 38;
const BLOCK_BYTES: usize = 4 + 8 + 2;

pub struct Commit<'a> {
    pub index: u64,
    pub digest: Digest,
    pub time_ms: u64,
    pub epoch: u32,
    /// After this commit.
    pub gc_round: u32,
    pub refs: Vec<BlockRef>,
    /// Blocks with transactions, in the order of `refs`.
    pub blocks: Vec<Block<'a>>,
}

pub struct Block<'a> {
    /// Position among the refs of the commit.
    pub position: u32,
    pub executed_commit: u64,
    pub tx_count: usize,
    pub payload: &'a [u8],
}

impl<'a> Commit<'a> {
    pub fn decode(bytes: &[u8], payloads: &[&'a [u8]]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let index = reader.u53()?;
        let digest = reader.array()?;
        let time_ms = reader.u53()?;
        let epoch = reader.u32()?;
        let gc_round = reader.u32()?;
        let refs = read_refs(&mut reader)?;
        let count = reader.u32()? as usize;
        if reader.count(count, refs.len(), BLOCK_BYTES)? != payloads.len() {
            return Err(DecodeError::NonCanonical);
        }
        let mut blocks: Vec<Block<'a>> = Vec::with_capacity(count);
        for payload in payloads {
            let position = reader.u32()?;
            let ascending = blocks.last().is_none_or(|last| last.position < position);
            if !ascending || position as usize >= refs.len() {
                return Err(DecodeError::NonCanonical);
            }
            let (executed_commit, tx_count) = (reader.u53()?, usize::from(reader.u16()?));
            blocks.push(Block { position, executed_commit, tx_count, payload });
        }
        reader.end()?;
        Ok(Self { index, digest, time_ms, epoch, gc_round, refs, blocks })
    }
}

pub(super) fn read_refs(reader: &mut Reader<'_>) -> Result<Vec<BlockRef>, DecodeError> {
    let count = reader.u32()? as usize;
    let count = reader.count(count, usize::MAX, REF_BYTES)?;
    (0..count).map(|_| Ok(BlockRef { round: reader.u32()?, author: reader.u16()?, id: reader.array()? })).collect()
}

pub(super) fn write_refs<'a>(out: &mut Vec<u8>, refs: impl ExactSizeIterator<Item = &'a BlockRef>) {
    out.extend((refs.len() as u32).to_le_bytes());
    for block in refs {
        out.extend(block.round.to_le_bytes());
        out.extend(block.author.to_le_bytes());
        out.extend(block.id);
    }
}
