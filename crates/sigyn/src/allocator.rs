//! jemalloc, set to give memory back soon: a log database shares its machine.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Unused pages go back to the system after a second, by a background thread, so that no request pays for it.
const SETTINGS: &[u8; 60] = b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

/// Read by jemalloc when the process starts.
// SAFETY: the symbol is the one that this build of jemalloc looks up, a pointer to a string that ends in NUL.
#[unsafe(export_name = "_rjem_malloc_conf")]
static MALLOC_CONF: &[u8; 60] = SETTINGS;
