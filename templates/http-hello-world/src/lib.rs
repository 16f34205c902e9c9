use wstd::http::{Body, Error, Request, Response, StatusCode};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    match request.uri().path() {
        "/" => home(),
        _ => nowhere(),
    }
}

// The place to begin: another text here is another answer at `/`.
fn home() -> Result<Response<Body>, Error> {
    text(StatusCode::OK, "Hello from wasmCloud!\n")
}

fn nowhere() -> Result<Response<Body>, Error> {
    text(StatusCode::NOT_FOUND, "Not found\n")
}

fn text(status: StatusCode, body: &'static str) -> Result<Response<Body>, Error> {
    let response = Response::builder().status(status).header("content-type", "text/plain");
    Ok(response.body(body.into())?)
}
