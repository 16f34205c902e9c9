//! Sends the request's body and trailers back as they arrive. Below /splice the host moves the bytes from stream to stream
//! and none enters this guest's memory.

wit_bindgen::generate!({
    path: "wit",
    world: "echo",
    generate_all,
});

#[path = "../../kit/http.rs"]
mod http;

use exports::wasi::http::incoming_handler::Guest;
use http::Answer;
use wasi::http::types::{Fields, IncomingRequest, ResponseOutparam};
use wasi::io::streams::{InputStream, OutputStream, StreamError};

struct Echo;
export!(Echo);

/// The most that one splice asks for.
const SPLICE: u64 = 1024 * 1024;

fn splice_all(from: &InputStream, to: &OutputStream) {
    loop {
        match to.blocking_splice(from, SPLICE) {
            Ok(_) => {}
            Err(StreamError::Closed) => return,
            Err(StreamError::LastOperationFailed(error)) => panic!("splice: {}", error.to_debug_string()),
        }
    }
}

/// The fields that describe a body describe its echo too.
fn body_headers(request: &IncomingRequest) -> Vec<(String, Vec<u8>)> {
    let kept = ["content-type", "content-length", "trailer"];
    request.headers().entries().into_iter().filter(|(name, _)| kept.contains(&name.as_str())).collect()
}

impl Guest for Echo {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let spliced = request.path_with_query().is_some_and(|path| path.starts_with("/splice"));
        let answer = Answer::start(out, 200, &body_headers(&request));
        let body = request.consume().expect("body taken once");
        let stream = body.stream().expect("stream taken once");
        if spliced {
            splice_all(&stream, answer.stream());
        } else {
            http::read_each(&stream, |bytes| answer.write(bytes).expect("response body"));
        }
        drop(stream);
        // The incoming trailers are immutable and belong to the request: the answer takes a copy.
        let trailers = http::trailers(body).map(|fields| Fields::from_list(&fields.entries()).expect("trailers"));
        answer.finish(trailers);
    }
}
