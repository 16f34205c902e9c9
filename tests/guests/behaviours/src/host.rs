//! Behaviours that ask the host for something and answer with what came.

use crate::http::{self, json_bytes, json_list, json_optional, json_string};
use crate::wasi::cli::{environment as cli_environment, stderr, stdin as cli_stdin, stdout, terminal_stdout};
use crate::wasi::clocks::{monotonic_clock, wall_clock};
use crate::wasi::http::{outgoing_handler, types};
use crate::wasi::io::poll::{poll as wasi_poll, Pollable};
use crate::wasi::random::{insecure, insecure_seed, random as secure};
use crate::Call;
use std::sync::atomic::{AtomicU32, Ordering};

/// Waits `ms` milliseconds (100 unless told) on the monotonic clock.
pub fn sleep(call: Call) {
    let wanted = call.number("ms", 100) * 1_000_000;
    let start = monotonic_clock::now();
    monotonic_clock::subscribe_duration(wanted).block();
    call.reply(&format!("{}\n", (monotonic_clock::now() - start) / 1_000_000));
}

/// Polls several clocks at once, of which one is ready at once, and answers with the indexes that poll gave.
pub fn poll(call: Call) {
    let waits = [3_600_000_000_000, 0, call.number("ms", 20) * 1_000_000];
    let pollables: Vec<Pollable> = waits.iter().map(|wait| monotonic_clock::subscribe_duration(*wait)).collect();
    let first = wasi_poll(&[&pollables[0], &pollables[1], &pollables[2]]);
    let later = wasi_poll(&[&pollables[0], &pollables[2]]);
    let ready: Vec<bool> = pollables.iter().map(Pollable::ready).collect();
    call.reply(&format!("{first:?} {later:?} {ready:?}\n"));
}

/// Prints lines, an unfinished line, and control bytes; then answers whether standard output is a terminal.
pub fn stdio(call: Call) {
    let out = stdout::get_stdout();
    let err = stderr::get_stderr();
    let text = call.text("text").map_or_else(|| b"hello from standard output\n".to_vec(), http::percent_decode);
    http::write_all(&out, &text).expect("standard output");
    http::write_all(&err, b"hello from standard error\n").expect("standard error");
    http::write_all(&out, b"escape \x1b[31mred\x1b[0m bell \x07 nul \x00 not UTF-8 \xff\xfe\r\n").expect("control bytes");
    http::write_all(&out, b"first half, ").expect("standard output");
    http::write_all(&out, b"second half\nno end of line").expect("standard output");
    call.reply(if terminal_stdout::get_terminal_stdout().is_some() { "terminal\n" } else { "no terminal\n" });
}

/// Standard input is empty: answers how many bytes it gave before its end.
pub fn stdin(call: Call) {
    let mut length = 0;
    http::read_each(&cli_stdin::get_stdin(), |bytes| length += bytes.len());
    call.reply(&format!("{length}\n"));
}

pub fn environment(call: Call) {
    let pair = |(name, value): (String, String)| format!("[{},{}]", json_string(&name), json_string(&value));
    let text = format!(
        "{{\"environment\":{},\"arguments\":{},\"cwd\":{}}}\n",
        json_list(cli_environment::get_environment().into_iter().map(pair)),
        json_list(cli_environment::get_arguments().iter().map(|text| json_string(text))),
        json_optional(cli_environment::initial_cwd().as_deref()),
    );
    http::reply_json(call.out, &text);
}

pub fn clocks(call: Call) {
    let now = wall_clock::now();
    let text = format!(
        "{{\"seconds\":{},\"nanoseconds\":{},\"resolution\":{},\"monotonic\":{},\"monotonic-resolution\":{}}}\n",
        now.seconds,
        now.nanoseconds,
        wall_clock::resolution().nanoseconds,
        monotonic_clock::now(),
        monotonic_clock::resolution(),
    );
    http::reply_json(call.out, &text);
}

/// `bytes=N` bytes from the secure and the insecure generator, and the seed.
pub fn random(call: Call) {
    let count = call.number("bytes", 16);
    let text = format!(
        "{{\"secure\":{},\"insecure\":{},\"number\":\"{}\",\"seed\":\"{:?}\"}}\n",
        json_bytes(&secure::get_random_bytes(count)),
        json_bytes(&insecure::get_insecure_random_bytes(count)),
        secure::get_random_u64(),
        insecure_seed::insecure_seed(),
    );
    http::reply_json(call.out, &text);
}

static CALLS: AtomicU32 = AtomicU32::new(0);

/// How often this instance has been called: 1 whenever every request has an instance of its own.
pub fn state(call: Call) {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    call.reply(&format!("{calls}\n"));
}

/// Grows the memory by `mib` MiB (4 unless told), answers how many of the new bytes were not zero, and dirties them all.
pub fn memory(call: Call) {
    let bytes = call.number("mib", 4) as usize * 1024 * 1024;
    let old_pages = core::arch::wasm32::memory_grow(0, bytes / 65536);
    if old_pages == usize::MAX {
        return http::reply_text(call.out, 507, "no memory\n");
    }
    // The pages are this function's alone: they were just made, and the allocator does not know them.
    let fresh = unsafe { std::slice::from_raw_parts_mut((old_pages * 65536) as *mut u8, bytes) };
    let dirty = fresh.iter().filter(|byte| **byte != 0).count();
    fresh.fill(0xa5);
    std::hint::black_box(fresh);
    call.reply(&format!("{dirty}\n"));
}

/// Asks another HTTP server (`authority=HOST:PORT`) and answers with its status, or with the error's name.
pub fn outgoing(call: Call) {
    let request = types::OutgoingRequest::new(types::Fields::new());
    request.set_authority(call.text("authority")).expect("authority");
    request.set_path_with_query(Some("/")).expect("path");
    request.set_scheme(Some(&types::Scheme::Http)).expect("scheme");
    let text = match outgoing_handler::handle(request, None) {
        Err(code) => format!("refused {code:?}\n"),
        Ok(future) => loop {
            match future.get() {
                None => future.subscribe().block(),
                Some(outcome) => match outcome.expect("response taken once") {
                    Ok(response) => break format!("status {}\n", response.status()),
                    Err(code) => break format!("failed {code:?}\n"),
                },
            }
        },
    };
    call.reply(&text);
}
