//! Answers with what it was asked, as JSON: method, path, query, scheme, authority, headers, body length, trailers.

wit_bindgen::generate!({
    path: "wit",
    world: "inspect",
    generate_all,
});

#[path = "../../kit/http.rs"]
mod http;

use exports::wasi::http::incoming_handler::Guest;
use http::{json_fields, json_optional, json_string};
use wasi::http::types::{IncomingRequest, ResponseOutparam, Scheme};

struct Inspect;
export!(Inspect);

fn scheme_name(scheme: &Scheme) -> &str {
    match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
        Scheme::Other(name) => name,
    }
}

impl Guest for Inspect {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query();
        let (path, query) = target.as_deref().map_or((None, None), |target| {
            let (path, query) = http::split_target(target);
            (Some(path), query)
        });
        let mut length = 0u64;
        let trailers = http::read_body(&request, |bytes| length += bytes.len() as u64);
        let text = format!(
            "{{\"method\":{},\"path\":{},\"query\":{},\"scheme\":{},\"authority\":{},\"headers\":{},\"body-length\":{},\"trailers\":{}}}\n",
            json_string(http::method_name(&request.method())),
            json_optional(path),
            json_optional(query),
            json_optional(request.scheme().as_ref().map(scheme_name)),
            json_optional(request.authority().as_deref()),
            json_fields(&request.headers()),
            length,
            trailers.as_ref().map_or("null".to_string(), json_fields),
        );
        http::reply_json(out, &text);
    }
}
