//! What the Rust guests share: reading a request, answering it, and JSON text. Included by path, because the bindings that it
//! uses belong to each guest's own world.
#![allow(dead_code)]

use crate::wasi::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use crate::wasi::io::streams::{InputStream, OutputStream, StreamError};

/// The most that one read asks for.
const CHUNK: u64 = 64 * 1024;

/// A response whose head is set and whose body is being written.
pub struct Answer {
    stream: OutputStream,
    body: OutgoingBody,
}

impl Answer {
    pub fn start(out: ResponseOutparam, status: u16, headers: &[(String, Vec<u8>)]) -> Answer {
        let response = OutgoingResponse::new(Fields::from_list(headers).expect("headers"));
        response.set_status_code(status).expect("status");
        let body = response.body().expect("body taken once");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("stream taken once");
        Answer { stream, body }
    }

    pub fn stream(&self) -> &OutputStream {
        &self.stream
    }

    pub fn write(&self, bytes: &[u8]) -> Result<(), StreamError> {
        write_all(&self.stream, bytes)
    }

    pub fn finish(self, trailers: Option<Fields>) {
        self.try_finish(trailers).expect("finish");
    }

    pub fn try_finish(self, trailers: Option<Fields>) -> Result<(), crate::wasi::http::types::ErrorCode> {
        drop(self.stream);
        OutgoingBody::finish(self.body, trailers)
    }
}

pub fn header(name: &str, value: &str) -> (String, Vec<u8>) {
    (name.to_string(), value.as_bytes().to_vec())
}

pub fn reply(out: ResponseOutparam, status: u16, content_type: &str, body: &[u8]) {
    let headers = [header("content-type", content_type), header("content-length", &body.len().to_string())];
    let answer = Answer::start(out, status, &headers);
    // A client that has gone is not this guest's trouble.
    let _ = answer.write(body);
    let _ = answer.try_finish(None);
}

pub fn reply_text(out: ResponseOutparam, status: u16, body: &str) {
    reply(out, status, "text/plain; charset=utf-8", body.as_bytes());
}

pub fn reply_json(out: ResponseOutparam, body: &str) {
    reply(out, 200, "application/json", body.as_bytes());
}

/// Writes as much as the host permits at a time and waits in between: back-pressure reaches the guest.
pub fn write_all(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let room = stream.check_write()?;
        if room == 0 {
            stream.subscribe().block();
            continue;
        }
        let now = bytes.len().min(room.min(CHUNK) as usize);
        stream.write(&bytes[..now])?;
        bytes = &bytes[now..];
    }
    stream.blocking_flush()
}

/// Hands every chunk of a stream to `each`, to the end; a failed stream panics, which is a trap.
pub fn read_each(stream: &InputStream, mut each: impl FnMut(&[u8])) {
    loop {
        match stream.blocking_read(CHUNK) {
            Ok(bytes) => each(&bytes),
            Err(StreamError::Closed) => return,
            Err(StreamError::LastOperationFailed(error)) => panic!("request body: {}", error.to_debug_string()),
        }
    }
}

/// The whole request body and its trailers, in the order that the interface wants: stream, then body, then trailers.
pub fn read_body(request: &IncomingRequest, each: impl FnMut(&[u8])) -> Option<Fields> {
    let body = request.consume().expect("body taken once");
    let stream = body.stream().expect("stream taken once");
    read_each(&stream, each);
    drop(stream);
    trailers(body)
}

pub fn trailers(body: IncomingBody) -> Option<Fields> {
    let future = IncomingBody::finish(body);
    loop {
        if let Some(outcome) = future.get() {
            return outcome.expect("trailers taken once").expect("trailers");
        }
        future.subscribe().block();
    }
}

pub fn method_name(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    }
}

/// A target cut into path and query; no query and an empty one are told apart.
pub fn split_target(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// The value of a key in a query such as `a=1&b=2`, as it stands.
pub fn query_value<'a>(query: Option<&'a str>, key: &str) -> Option<&'a str> {
    query?.split('&').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key).map(|(_, value)| value))
}

pub fn query_number(query: Option<&str>, key: &str, otherwise: u64) -> u64 {
    query_value(query, key).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Undoes percent-encoding; what is not an escape stays as it is.
pub fn percent_decode(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| (*byte as char).to_digit(16));
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    plain
}

/// A JSON string that holds the bytes without loss: byte N stands as character U+00NN.
pub fn json_bytes(bytes: &[u8]) -> String {
    json_chars(bytes.iter().map(|byte| *byte as char))
}

pub fn json_string(text: &str) -> String {
    json_chars(text.chars())
}

fn json_chars(chars: impl Iterator<Item = char>) -> String {
    let mut json = String::from("\"");
    for c in chars {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            ' '..='~' => json.push(c),
            _ => {
                let mut units = [0u16; 2];
                for unit in c.encode_utf16(&mut units) {
                    json.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    json.push('"');
    json
}

pub fn json_optional(text: Option<&str>) -> String {
    text.map_or("null".to_string(), json_string)
}

pub fn json_list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// Fields as a list of pairs, in order, with repeated names kept.
pub fn json_fields(fields: &Fields) -> String {
    json_list(fields.entries().iter().map(|(name, value)| format!("[{},{}]", json_string(name), json_bytes(value))))
}
