//! Hands the body of each POST, a line of text, to the service, and answers what the service does.

use wstd::http::{Body, Error, Method, Request, Response, StatusCode};
use wstd::io::{self, AsyncRead, AsyncWrite};
use wstd::net::TcpStream;

const SERVICE: &str = "127.0.0.1:7777";
const LINE_MAX: usize = 64 * 1024;

/// One line there, one line back.
async fn ask(line: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(SERVICE).await?;
    stream.write_all(line).await?;
    stream.write_all(b"\n").await?;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while !answer.ends_with(b"\n") && answer.len() <= LINE_MAX {
        match stream.read(&mut part).await? {
            0 => break,
            len => answer.extend_from_slice(&part[..len]),
        }
    }
    Ok(answer)
}

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let line = body.contents().await?.trim_ascii();
    let (status, text) = if head.method != Method::POST || line.contains(&b'\n') || line.len() > LINE_MAX {
        (StatusCode::BAD_REQUEST, b"POST one line of text\n".to_vec())
    } else {
        match ask(line).await {
            Ok(answer) => (StatusCode::OK, answer),
            Err(error) => (StatusCode::BAD_GATEWAY, format!("the service: {error}\n").into_bytes()),
        }
    };
    Ok(Response::builder().status(status).body(text.into())?)
}
