//! The two forms of the house's binary tree: `docs/spec/checkpoint.md`. A leaf or subtree that is not there counts as
//! 32 zero bytes, so the smallest complete tree that holds the leaves has a root without inventing any.

use crate::domain::Domain;
use crate::hash::{DIGEST_BYTES, Digest, hash};

pub(crate) const ABSENT: Digest = [0; DIGEST_BYTES];

fn node(left: &Digest, right: &Digest) -> Digest {
    hash(Domain::Node, &[left, right])
}

/// A tree that keeps every node, so that changed leaves cost their paths only and any leaf has a proof.
#[derive(Default)]
pub(crate) struct Tree {
    /// From the leaves upwards; the last level has one node.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    pub(crate) fn root(&self) -> Digest {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or(ABSENT)
    }

    /// Sets the leaves at `changed` (ascending); an index one past the last leaf appends.
    pub(crate) fn update(&mut self, changed: &[(u32, Digest)]) {
        if self.levels.is_empty() {
            self.levels.push(Vec::new());
        }
        let mut dirty: Vec<usize> = Vec::with_capacity(changed.len());
        for &(index, leaf) in changed {
            let index = index as usize;
            set(&mut self.levels[0], index, leaf);
            dirty.push(index);
        }
        self.rehash(dirty);
    }

    /// Siblings of leaf `index` from the leaf upwards.
    pub(crate) fn path(&self, index: u32) -> Vec<Digest> {
        let depth = self.levels.len().saturating_sub(1);
        let sibling = |level: usize| self.levels[level].get((index as usize >> level) ^ 1).copied().unwrap_or(ABSENT);
        (0..depth).map(sibling).collect()
    }

    fn rehash(&mut self, mut dirty: Vec<usize>) {
        let mut level = 0;
        while self.levels[level].len() > 1 {
            if self.levels.len() == level + 1 {
                self.levels.push(Vec::new());
            }
            dirty.iter_mut().for_each(|index| *index /= 2);
            dirty.dedup();
            let (below, above) = self.levels.split_at_mut(level + 1);
            let (children, parents) = (&below[level], &mut above[0]);
            for &index in &dirty {
                let right = children.get(2 * index + 1).unwrap_or(&ABSENT);
                set(parents, index, node(&children[2 * index], right));
            }
            level += 1;
        }
    }
}

fn set(level: &mut Vec<Digest>, index: usize, value: Digest) {
    if index == level.len() { level.push(value) } else { level[index] = value }
}

/// A tree that is only appended to: one pending node a level instead of all leaves.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frontier {
    pub count: u64,
    /// The complete subtree of 2^level leaves that waits for its sibling.
    pub pending: Vec<Option<Digest>>,
}

impl Frontier {
    pub(crate) fn push(&mut self, leaf: Digest) {
        self.count += 1;
        let mut carried = leaf;
        for slot in &mut self.pending {
            match slot.take() {
                Some(left) => carried = node(&left, &carried),
                None => {
                    *slot = Some(carried);
                    return;
                }
            }
        }
        self.pending.push(Some(carried));
    }

    pub(crate) fn root(&self) -> Digest {
        let Some((top, lower)) = self.pending.split_last() else { return ABSENT };
        let right_edge = lower.iter().fold(None, |carried, slot| match (slot, carried) {
            (Some(left), Some(right)) => Some(node(left, &right)),
            (Some(left), None) => Some(node(left, &ABSENT)),
            (None, Some(left)) => Some(node(&left, &ABSENT)),
            (None, None) => None,
        });
        match (top, right_edge) {
            (Some(top), Some(right)) => node(top, &right),
            (Some(top), None) => *top,
            (None, Some(right)) => right,
            (None, None) => ABSENT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(index: u32) -> Digest {
        hash(Domain::Leaf, &[&index.to_le_bytes()])
    }

    /// The definition, by recursion.
    fn defined_root(leaves: &[Digest], width: usize) -> Digest {
        match (leaves, width) {
            ([], _) => ABSENT,
            ([leaf], 1) => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().min(width / 2));
                node(&defined_root(left, width / 2), &defined_root(right, width / 2))
            }
        }
    }

    #[test]
    fn tree_and_frontier_have_the_defined_root() {
        let (mut tree, mut frontier, mut leaves) = (Tree::default(), Frontier::default(), Vec::new());
        assert_eq!((tree.root(), frontier.root()), (ABSENT, ABSENT));
        for index in 0..70 {
            leaves.push(leaf(index));
            tree.update(&[(index, leaf(index))]);
            frontier.push(leaf(index));
            let expected = defined_root(&leaves, leaves.len().next_power_of_two());
            assert_eq!(tree.root(), expected, "{} leaves", leaves.len());
            assert_eq!(frontier.root(), expected, "{} leaves", leaves.len());
        }
    }

    #[test]
    fn leaves_may_change_and_come_many_at_once() {
        for count in [1, 2, 3, 31, 64, 65] {
            let mut tree = Tree::default();
            tree.update(&(0..count).map(|index| (index, leaf(index))).collect::<Vec<_>>());
            tree.update(&[(0, leaf(900)), (count - 1, leaf(901))]);
            let mut leaves: Vec<_> = (0..count).map(leaf).collect();
            leaves[0] = leaf(900);
            leaves[count as usize - 1] = leaf(901);
            assert_eq!(tree.root(), defined_root(&leaves, leaves.len().next_power_of_two()), "{count} leaves");
        }
    }

    #[test]
    fn a_path_leads_to_the_root() {
        let mut tree = Tree::default();
        tree.update(&(0..37).map(|index| (index, leaf(index))).collect::<Vec<_>>());
        for index in 0..37 {
            let folded = tree.path(index).iter().enumerate().fold(leaf(index), |below, (level, sibling)| {
                if (index >> level) & 1 == 1 { node(sibling, &below) } else { node(&below, sibling) }
            });
            assert_eq!(folded, tree.root(), "leaf {index}");
        }
    }
}
