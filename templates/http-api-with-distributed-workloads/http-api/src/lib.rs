//! POST /task/NAME hands its body to the worker of that name, and answers what the worker does.

wit_bindgen::generate!({
    path: "../wit",
    world: "http-api",
    generate_all,
});

use wasi::config::store;
use wasmcloud::messaging::consumer;
use wstd::http::{Body, Error, Method, Request, Response, StatusCode};

const TIMEOUT_MS: u32 = 5000;

/// The setting `task-timeout-ms` of the workload, if it has one.
fn timeout_ms() -> u32 {
    let setting = store::get("task-timeout-ms").ok().flatten();
    setting.and_then(|text| text.parse().ok()).unwrap_or(TIMEOUT_MS)
}

/// One token of a subject: dots and wildcards would make it another.
fn is_worker(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn answer(method: &Method, path: &str, task: &[u8]) -> (StatusCode, Vec<u8>) {
    let worker = path.strip_prefix("/task/").filter(|name| is_worker(name));
    match (method, worker) {
        (&Method::POST, Some(worker)) => match consumer::request(&format!("tasks.{worker}"), task, timeout_ms()) {
            Ok(answer) => (StatusCode::OK, answer.body),
            Err(error) => (StatusCode::BAD_GATEWAY, format!("{worker}: {error}\n").into_bytes()),
        },
        _ => (StatusCode::NOT_FOUND, b"POST a text to /task/leet or /task/reverse\n".to_vec()),
    }
}

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let (status, text) = answer(&head.method, head.uri.path(), body.contents().await?);
    Ok(Response::builder().status(status).body(text.into())?)
}
