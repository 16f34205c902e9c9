//! Answers every request with a greeting.

wit_bindgen::generate!({
    path: "wit",
    world: "http-hello-world",
    generate_all,
});

use exports::wasi::http::incoming_handler::Guest;
use wasi::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Component;
export!(Component);

impl Guest for Component {
    fn handle(_request: IncomingRequest, response_out: ResponseOutparam) {
        let headers = Fields::from_list(&[("content-type".into(), b"text/plain".into())]).unwrap();
        let response = OutgoingResponse::new(headers);
        let body = response.body().unwrap();

        // The head goes out first; the body is streamed after it.
        ResponseOutparam::set(response_out, Ok(response));
        let stream = body.write().unwrap();
        stream.blocking_write_and_flush(b"Hello from wasmCloud!\n").unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}
