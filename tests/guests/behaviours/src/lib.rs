//! One guest with many behaviours, chosen by the first part of the path; anything else is answered with 200 and "ok".
//! The behaviours that hurt are in `harm`, those that ask the host for something in `host`, those that test the rules of
//! wasi:http in `rules`.

wit_bindgen::generate!({
    path: "wit",
    world: "behaviours",
    generate_all,
});

mod harm;
mod host;
#[path = "../../kit/http.rs"]
mod http;
mod rules;

use exports::wasi::http::incoming_handler::Guest;
use wasi::http::types::{IncomingRequest, ResponseOutparam};

struct Behaviours;
export!(Behaviours);

/// What a behaviour is given. `out` is taken by the one that answers.
pub struct Call<'a> {
    pub request: IncomingRequest,
    pub out: ResponseOutparam,
    pub query: Option<&'a str>,
}

impl Call<'_> {
    pub fn number(&self, key: &str, otherwise: u64) -> u64 {
        http::query_number(self.query, key, otherwise)
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        http::query_value(self.query, key)
    }

    pub fn reply(self, text: &str) {
        http::reply_text(self.out, 200, text);
    }
}

impl Guest for Behaviours {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = http::split_target(&target);
        let call = Call { request, out, query };
        match path.trim_start_matches('/') {
            "spin" => harm::spin(call),
            "hog" => harm::hog(call),
            "recurse" => harm::recurse(call),
            "half" => harm::half(call),
            "silent" => harm::silent(call),
            "never" => harm::never(call),
            "trap" => harm::trap(call),
            "panic" => harm::panic(call),
            "exit" => harm::exit(call),
            "after" => harm::trap_after(call),
            "sleep" => host::sleep(call),
            "poll" => host::poll(call),
            "stdio" => host::stdio(call),
            "stdin" => host::stdin(call),
            "environment" => host::environment(call),
            "clocks" => host::clocks(call),
            "random" => host::random(call),
            "state" => host::state(call),
            "memory" => host::memory(call),
            "outgoing" => host::outgoing(call),
            "status" => rules::status(call),
            "error" => rules::error(call),
            "length" => rules::length(call),
            "big" => rules::big(call),
            "slow" => rules::slow(call),
            "trailers" => rules::trailers(call),
            "fields" => rules::fields(call),
            "immutable" => rules::immutable(call),
            "twice" => rules::twice(call),
            "unfinished" => rules::unfinished(call),
            "unread" => rules::unread(call),
            "drop-order" => rules::drop_order(call),
            "hoard" => rules::hoard(call),
            "declared" => rules::declared(call),
            "late-trailers" => rules::late_trailers(call),
            "orphan" => rules::orphan(call),
            "borrowed-trailers" => rules::borrowed_trailers(call),
            _ => call.reply("ok\n"),
        }
    }
}
