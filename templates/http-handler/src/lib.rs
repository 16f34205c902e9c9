//! A small HTTP API with axum.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

#[wstd_axum::http_server]
fn main() -> Router {
    Router::new()
        .route("/", get(home))
        .route("/hello/{name}", get(hello))
        .route("/sum", post(sum))
}

async fn home() -> &'static str {
    "Hello from wasmCloud!\n"
}

#[derive(Deserialize)]
struct Hello {
    times: Option<usize>,
}

async fn hello(Path(name): Path<String>, Query(hello): Query<Hello>) -> Result<String, (StatusCode, &'static str)> {
    match hello.times.unwrap_or(1) {
        times @ 1..=100 => Ok(format!("Hello, {name}!\n").repeat(times)),
        _ => Err((StatusCode::BAD_REQUEST, "times is 1 to 100\n")),
    }
}

#[derive(Deserialize)]
struct Numbers {
    numbers: Vec<f64>,
}

#[derive(Serialize)]
struct Sum {
    sum: f64,
}

async fn sum(Json(body): Json<Numbers>) -> Json<Sum> {
    Json(Sum { sum: body.numbers.iter().sum() })
}
