//! libwasmtime: Wasmtime's C API re-exported as one static library, plus the one setter it lacks.

pub use wasmtime_c_api::*;

/// Whether the kernel offers `PAGEMAP_SCAN` (Linux 6.7), which resets only the dirty pages of a pooled memory.
#[unsafe(no_mangle)]
pub extern "C" fn wash_pagemap_scan_available() -> bool {
    wasmtime::PoolingAllocationConfig::is_pagemap_scan_available()
}

/// Turns `PAGEMAP_SCAN` on or off for a `wasmtime_pooling_allocation_config_t`.
///
/// # Safety
/// `config` must come from `wasmtime_pooling_allocation_config_new`, which wraps nothing but this Rust value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wash_pooling_pagemap_scan_set(config: *mut wasmtime::PoolingAllocationConfig, enable: bool) {
    let choice = if enable { wasmtime::Enabled::Auto } else { wasmtime::Enabled::No };
    unsafe { (*config).pagemap_scan(choice) };
}
