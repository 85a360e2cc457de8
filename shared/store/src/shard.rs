//! Which shard of an index an id belongs to.

/// One of `shards`, counted from 0: always the same for an id.
pub(crate) fn shard(id: &str, shards: u32) -> u32 {
    hash(id) % shards
}

/// FNV-1a: even enough for a few shards, and the same in every version, which the standard hasher is not.
pub(crate) fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
