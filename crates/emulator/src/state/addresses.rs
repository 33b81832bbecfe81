//! The tenant's own addresses: who owns which block of the pool (API section 10, rows 34 and 35; sizes are assumed).
//!
//! A block is kept as its distance from the start of the pool, counted in addresses, and is turned into an address
//! only when an answer is written. So both families use one count, and a change of the pool renumbers everything.
//! The distance has no upper end: what lies beyond the end of the pool has its address in the pool of a fresh tenant.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// How large a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BlockSize {
    /// One address: connectors and devices.
    Single,
    /// 16 addresses (an IPv4 `/28`): networks and hosts.
    Sixteen,
    /// 256 addresses (an IPv4 `/24`): user groups.
    Whole,
}

impl BlockSize {
    const fn addresses(self) -> u64 {
        match self {
            Self::Single => 1,
            Self::Sixteen => 16,
            Self::Whole => CHUNK,
        }
    }

    /// How many low bits of an address lie inside the block.
    const fn bits(self) -> u8 {
        match self {
            Self::Single => 0,
            Self::Sixteen => 4,
            Self::Whole => 8,
        }
    }
}

/// Blocks are cut from chunks of this many addresses; a chunk holds blocks of one size.
const CHUNK: u64 = 256;

#[derive(Debug)]
struct Chunk {
    size: BlockSize,
    used: BTreeSet<u64>,
}

/// Which blocks are taken. A function of the set of taken blocks alone, so a restore needs nothing but them.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    chunks: BTreeMap<u64, Chunk>,
    /// Chunks with room, by size.
    open: BTreeSet<(BlockSize, u64)>,
    /// Chunks below the first never used one that hold nothing.
    free: BTreeSet<u64>,
}

impl Blocks {
    /// Takes the first free block of a size.
    pub(crate) fn take(&mut self, size: BlockSize) -> u64 {
        let open = self.open.range((size, 0)..).next().filter(|(s, _)| *s == size).map(|(_, chunk)| *chunk);
        // The first chunk stays with the service: resolvers and gateways live there.
        let chunk = open
            .or_else(|| self.free.first().copied())
            .unwrap_or_else(|| self.chunks.last_key_value().map_or(1, |(last, _)| last + 1));
        let used = self.chunks.get(&chunk).map(|c| &c.used);
        let offset = (0..CHUNK)
            .step_by(usize::try_from(size.addresses()).unwrap_or(1))
            .find(|o| used.is_none_or(|u| !u.contains(o)))
            .unwrap_or(0);
        let block = chunk * CHUNK + offset;
        self.mark(size, block);
        block
    }

    /// Notes that a block is taken.
    pub(crate) fn mark(&mut self, size: BlockSize, block: u64) {
        let number = block / CHUNK;
        let first_unused = self.chunks.last_key_value().map_or(1, |(last, _)| last + 1);
        self.free.extend(first_unused..number);
        self.free.remove(&number);
        let chunk = self.chunks.entry(number).or_insert_with(|| Chunk { size, used: BTreeSet::new() });
        chunk.used.insert(block % CHUNK);
        if u64::try_from(chunk.used.len()).unwrap_or(CHUNK) * size.addresses() < CHUNK {
            self.open.insert((size, number));
        } else {
            self.open.remove(&(size, number));
        }
    }

    /// Gives a block back.
    pub(crate) fn release(&mut self, block: u64) {
        let number = block / CHUNK;
        let Some(chunk) = self.chunks.get_mut(&number) else { return };
        chunk.used.remove(&(block % CHUNK));
        let size = chunk.size;
        if chunk.used.is_empty() {
            self.chunks.remove(&number);
            self.open.remove(&(size, number));
            self.free.insert(number);
            // What lies above the last chunk in use counts as never used.
            let first_unused = self.chunks.last_key_value().map_or(1, |(last, _)| last + 1);
            self.free.split_off(&first_unused);
        } else {
            self.open.insert((size, number));
        }
    }
}

/// The subnets from which the tenant's own addresses come (`/settings/wpc/subnet`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) v4: Vec<Ipv4Net>,
    pub(crate) v6: Vec<Ipv6Net>,
}

impl Pool {
    /// The IPv4 block; `None` beyond the end of the pool.
    pub(crate) fn v4(&self, size: BlockSize, block: u64) -> Option<Ipv4Net> {
        let (start, rest) =
            locate(self.v4.iter().map(|n| (u128::from(u32::from(n.network())), n.prefix_len(), 32)), block)?;
        let address = u32::try_from(start + rest).ok()?;
        Ipv4Net::new(Ipv4Addr::from(address), 32 - size.bits()).ok()
    }

    /// The IPv6 block that goes with it.
    pub(crate) fn v6(&self, size: BlockSize, block: u64) -> Option<Ipv6Net> {
        let (start, rest) =
            locate(self.v6.iter().map(|n| (u128::from(n.network()), n.prefix_len(), 128)), block)?;
        Ipv6Net::new(Ipv6Addr::from(start.checked_add(rest)?), 128 - size.bits()).ok()
    }
}

/// Finds the subnet in which the `block`-th address lies: its start, and the distance from there.
fn locate(subnets: impl Iterator<Item = (u128, u8, u8)>, block: u64) -> Option<(u128, u128)> {
    let mut rest = u128::from(block);
    for (start, prefix, bits) in subnets {
        let size = 1u128.checked_shl(u32::from(bits.saturating_sub(prefix))).unwrap_or(u128::MAX);
        if rest < size {
            return Some((start, rest));
        }
        rest -= size;
    }
    None
}

/// The first and the last address of a CIDR, and whether it is IPv6.
pub(crate) fn bounds(net: &IpNet) -> (bool, u128, u128) {
    let number = |address: IpAddr| match address {
        IpAddr::V4(a) => u128::from(u32::from(a)),
        IpAddr::V6(a) => u128::from(a),
    };
    (matches!(net, IpNet::V6(_)), number(net.network()), number(net.broadcast()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Pool {
        Pool { v4: vec!["100.96.0.0/11".parse().unwrap()], v6: vec!["fd:0:0:8000::/49".parse().unwrap()] }
    }

    #[test]
    fn blocks_of_all_sizes_never_overlap_and_are_used_again() {
        let mut blocks = Blocks::default();
        let mut taken: Vec<(u64, u64)> = Vec::new();
        for round in 0..1000u64 {
            let size = [BlockSize::Single, BlockSize::Sixteen, BlockSize::Whole]
                [usize::try_from(round % 3).unwrap()];
            let block = blocks.take(size);
            let end = block + size.addresses();
            assert!(taken.iter().all(|(s, e)| end <= *s || *e <= block), "{block} in round {round}");
            taken.push((block, end));
            if round % 4 == 3 {
                let (gone, _) =
                    taken.swap_remove(usize::try_from(round * 7919 % taken.len() as u64).unwrap());
                blocks.release(gone);
            }
        }
        for (block, _) in taken {
            blocks.release(block);
        }
        assert_eq!(blocks.take(BlockSize::Whole), CHUNK);
    }

    #[test]
    fn the_next_block_depends_on_the_taken_ones_alone() {
        let mut blocks = Blocks::default();
        let taken: Vec<u64> = (0..600).map(|_| blocks.take(BlockSize::Single)).collect();
        for block in &taken[10..500] {
            blocks.release(*block);
        }
        let mut restored = Blocks::default();
        for block in taken[..10].iter().chain(&taken[500..]).rev() {
            restored.mark(BlockSize::Single, *block);
        }
        for size in
            [BlockSize::Single, BlockSize::Whole, BlockSize::Sixteen, BlockSize::Whole, BlockSize::Whole]
        {
            assert_eq!(blocks.take(size), restored.take(size));
        }
    }

    #[test]
    fn blocks_become_addresses_of_both_families() {
        assert_eq!(pool().v4(BlockSize::Sixteen, 256).unwrap().to_string(), "100.96.1.0/28");
        assert_eq!(pool().v6(BlockSize::Sixteen, 256).unwrap().to_string(), "fd:0:0:8000::100/124");
        assert_eq!(pool().v4(BlockSize::Single, 1 << 21), None);
    }
}
