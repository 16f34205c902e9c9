//! Answers every request with a greeting.

use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(_request: Request<Body>) -> Result<Response<Body>, Error> {
    let response = Response::builder().header("content-type", "text/plain");
    Ok(response.body("Hello from wasmCloud!\n".into())?)
}
