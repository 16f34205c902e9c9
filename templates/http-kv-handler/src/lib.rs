//! Values under keys over HTTP: PUT, GET and DELETE of /KEY, and GET of / for the keys.

wit_bindgen::generate!({
    path: "wit",
    world: "http-kv-handler",
    generate_all,
});

use wasi::keyvalue::store::{self, Bucket};
use wstd::http::{Body, Error, Method, Request, Response, StatusCode};

const BUCKET: &str = "default";

fn keys(bucket: &Bucket) -> Result<String, store::Error> {
    let mut text = String::new();
    let mut cursor = None;
    loop {
        let part = bucket.list_keys(cursor)?;
        for key in part.keys {
            text.push_str(&key);
            text.push('\n');
        }
        cursor = part.cursor;
        if cursor.is_none() {
            return Ok(text);
        }
    }
}

fn answer(method: &Method, key: &str, value: &[u8]) -> Result<(StatusCode, Vec<u8>), store::Error> {
    let bucket = store::open(BUCKET)?;
    Ok(match (method, key) {
        (&Method::GET, "") => (StatusCode::OK, keys(&bucket)?.into_bytes()),
        (&Method::GET, key) => match bucket.get(key)? {
            Some(value) => (StatusCode::OK, value),
            None => (StatusCode::NOT_FOUND, b"no such key\n".to_vec()),
        },
        (&Method::PUT | &Method::POST, key) if !key.is_empty() => {
            bucket.set(key, value)?;
            (StatusCode::NO_CONTENT, Vec::new())
        }
        (&Method::DELETE, key) if !key.is_empty() => {
            bucket.delete(key)?;
            (StatusCode::NO_CONTENT, Vec::new())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, b"GET, PUT or DELETE /KEY\n".to_vec()),
    })
}

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let key = head.uri.path().trim_start_matches('/');
    let (status, text) = match answer(&head.method, key, body.contents().await?) {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error}\n").into_bytes()),
    };
    Ok(Response::builder().status(status).body(text.into())?)
}
