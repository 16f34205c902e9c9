//! Passes every request on to another server, and its answer back, both as streams.

use wstd::http::{Body, Client, Error, HeaderMap, HeaderName, Request, Response, Uri};

const SERVER: &str = "https://httpbin.org";

/// Headers that belong to one connection, and are not passed on (RFC 9110, 7.6.1).
const OF_A_CONNECTION: [&str; 9] = [
    "connection",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

fn passed_on(name: &HeaderName) -> bool {
    !OF_A_CONNECTION.contains(&name.as_str())
}

fn copy_headers(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from.iter().filter(|(name, _)| passed_on(name)) {
        to.append(name, value.clone());
    }
}

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri: Uri = format!("{SERVER}{path}").parse()?;

    let mut outgoing = Request::builder().method(request.method()).uri(uri).body(())?;
    copy_headers(request.headers(), outgoing.headers_mut());
    let outgoing = outgoing.map(|_| request.into_body());

    let answer = Client::new().send(outgoing).await?;
    let mut response = Response::builder().status(answer.status()).body(())?;
    copy_headers(answer.headers(), response.headers_mut());
    Ok(response.map(|_| answer.into_body()))
}
