//! Behaviours that hurt: each may harm its own request only.

use crate::http::{self, Answer};
use crate::wasi::cli::exit;
use crate::wasi::clocks::monotonic_clock;
use crate::Call;
use std::hint::black_box;

/// Computes for ever, or for `ms` milliseconds and then answers.
pub fn spin(call: Call) {
    let limit = call.number("ms", 0) * 1_000_000;
    let start = monotonic_clock::now();
    let mut state = 1u64;
    while limit == 0 || monotonic_clock::now() - start < limit {
        for _ in 0..1_000_000 {
            state = black_box(state.wrapping_mul(6364136223846793005).wrapping_add(1));
        }
    }
    call.reply("spun\n");
}

/// Allocates and touches memory until there is none (Rust aborts then: a trap), or `mib` MiB and then answers.
pub fn hog(call: Call) {
    let limit = call.number("mib", u64::MAX);
    let mut held: Vec<Vec<u8>> = Vec::new();
    while (held.len() as u64) < limit {
        held.push(black_box(vec![0x5a; 1024 * 1024]));
    }
    call.reply(&format!("{} MiB\n", held.len()));
}

#[allow(unconditional_recursion)]
#[inline(never)]
fn descend(depth: u64) -> u64 {
    // A small frame: the machine's stack runs out long before the guest's own one, in its memory, does.
    descend(black_box(depth) + 1) + depth
}

/// Recurses without end.
pub fn recurse(call: Call) {
    let depth = descend(0);
    call.reply(&format!("{depth}\n"));
}

/// Traps half-way through the response body. `declared` bytes are announced (1000 unless told); `chunked=1` announces none.
pub fn half(call: Call) {
    let declared = call.number("declared", 1000);
    let length = http::header("content-length", &declared.to_string());
    let headers = if call.text("chunked").is_some() { vec![] } else { vec![length] };
    let answer = Answer::start(call.out, 200, &headers);
    answer.write(&vec![b'x'; (declared / 2) as usize]).expect("first half");
    unreachable!("half-way through the response body");
}

/// Returns without ever setting the response.
pub fn silent(call: Call) {
    drop(call);
}

/// Waits for ever: never answers, never returns.
pub fn never(_call: Call) {
    loop {
        monotonic_clock::subscribe_duration(u64::MAX).block();
    }
}

/// Traps at once, by an access out of bounds.
pub fn trap(_call: Call) {
    let beyond = black_box(0xffff_fff0usize) as *const u8;
    // An address that no memory of this size has: the access traps, which is what is wanted.
    black_box(unsafe { std::ptr::read_volatile(beyond) });
}

pub fn panic(_call: Call) {
    panic!("asked to panic");
}

/// Ends with wasi:cli/exit: `code=N` by exit-with-code is not in every host, so 0 is success and anything else failure.
/// `after=1` answers first.
pub fn exit(call: Call) {
    let status = if call.number("code", 0) == 0 { Ok(()) } else { Err(()) };
    if call.text("after").is_some() {
        call.reply("going\n");
    }
    exit::exit(status);
}

/// Answers in full and traps then: the client has its answer, the log has the trap.
pub fn trap_after(call: Call) {
    call.reply("answered\n");
    unreachable!("after the answer");
}
