//! Behaviours that test the rules of wasi:http: what a response may say, in which order things are dropped, what is refused.

use crate::http::{self, json_list, json_string, Answer};
use crate::wasi::cli::stderr;
use crate::wasi::clocks::monotonic_clock;
use crate::wasi::http::types::{
    self,
    DnsErrorPayload, ErrorCode, FieldSizePayload, Fields, IncomingBody, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, TlsAlertReceivedPayload,
};
use crate::wasi::io::streams::StreamError;
use crate::Call;

/// Answers with status `code`; says so if the host refuses the number.
pub fn status(call: Call) {
    let response = OutgoingResponse::new(Fields::new());
    match response.set_status_code(call.number("code", 200) as u16) {
        Err(()) => call.reply("refused\n"),
        Ok(()) => {
            let body = response.body().expect("body");
            ResponseOutparam::set(call.out, Ok(response));
            OutgoingBody::finish(body, None).expect("finish");
        }
    }
}

/// All 39 error codes, in the order of the interface.
fn error_codes() -> Vec<ErrorCode> {
    use ErrorCode::*;
    let field = || FieldSizePayload { field_name: Some("x-big".to_string()), field_size: Some(70_000) };
    vec![
        DnsTimeout,
        DnsError(DnsErrorPayload { rcode: Some("NXDOMAIN".to_string()), info_code: Some(3) }),
        DestinationNotFound,
        DestinationUnavailable,
        DestinationIpProhibited,
        DestinationIpUnroutable,
        ConnectionRefused,
        ConnectionTerminated,
        ConnectionTimeout,
        ConnectionReadTimeout,
        ConnectionWriteTimeout,
        ConnectionLimitReached,
        TlsProtocolError,
        TlsCertificateError,
        TlsAlertReceived(TlsAlertReceivedPayload { alert_id: Some(40), alert_message: Some("handshake failure".to_string()) }),
        HttpRequestDenied,
        HttpRequestLengthRequired,
        HttpRequestBodySize(Some(1 << 40)),
        HttpRequestMethodInvalid,
        HttpRequestUriInvalid,
        HttpRequestUriTooLong,
        HttpRequestHeaderSectionSize(Some(65_536)),
        HttpRequestHeaderSize(Some(field())),
        HttpRequestTrailerSectionSize(None),
        HttpRequestTrailerSize(field()),
        HttpResponseIncomplete,
        HttpResponseHeaderSectionSize(Some(65_536)),
        HttpResponseHeaderSize(field()),
        HttpResponseBodySize(None),
        HttpResponseTrailerSectionSize(Some(1)),
        HttpResponseTrailerSize(field()),
        HttpResponseTransferCoding(Some("gzip".to_string())),
        HttpResponseContentCoding(None),
        HttpResponseTimeout,
        HttpUpgradeFailed,
        HttpProtocolError,
        LoopDetected,
        ConfigurationError,
        InternalError(Some("asked for".to_string())),
    ]
}

/// Sets an error in place of a response: the code at `index`.
pub fn error(call: Call) {
    let index = call.number("index", 38) as usize;
    let code = error_codes().into_iter().nth(index).expect("an index below 39");
    ResponseOutparam::set(call.out, Err(code));
}

/// Announces `declared` bytes and sends `sent`; what the host says of it goes to standard error, and then this traps.
pub fn length(call: Call) {
    let declared = http::header("content-length", &call.number("declared", 10).to_string());
    let sent = vec![b'x'; call.number("sent", 10) as usize];
    let answer = Answer::start(call.out, 200, &[declared]);
    let written = answer.write(&sent);
    let finished = answer.try_finish(None);
    let code = match &written {
        Err(StreamError::LastOperationFailed(error)) => types::http_error_code(error),
        _ => None,
    };
    if written.is_err() || finished.is_err() {
        let text = format!("written {written:?} {code:?}, finished {finished:?}\n");
        http::write_all(&stderr::get_stderr(), text.as_bytes()).expect("standard error");
        panic!("{text}");
    }
}

/// `bytes=N` bytes (1 MiB unless told) in writes of `chunk=N`.
pub fn big(call: Call) {
    let total = call.number("bytes", 1 << 20);
    let chunk: Vec<u8> = (0..call.number("chunk", 65_536)).map(|at| b'a' + (at % 26) as u8).collect();
    let answer = Answer::start(call.out, 200, &[http::header("content-type", "text/plain")]);
    let mut left = total;
    while left > 0 {
        let now = left.min(chunk.len() as u64);
        if answer.write(&chunk[..now as usize]).is_err() {
            return;
        }
        left -= now;
    }
    answer.finish(None);
}

/// `count=N` lines with `ms=N` milliseconds between them, each flushed: they arrive one by one.
pub fn slow(call: Call) {
    let (count, wait) = (call.number("count", 5), call.number("ms", 50) * 1_000_000);
    let answer = Answer::start(call.out, 200, &[]);
    for line in 0..count {
        if answer.write(format!("line {line}\n").as_bytes()).is_err() {
            return;
        }
        monotonic_clock::subscribe_duration(wait).block();
    }
    answer.finish(None);
}

pub fn trailers(call: Call) {
    let answer = Answer::start(call.out, 200, &[http::header("trailer", "x-sum")]);
    answer.write(b"body\n").expect("body");
    let fields = Fields::from_list(&[http::header("x-sum", "12"), http::header("x-more", "yes")]).expect("trailers");
    answer.finish(Some(fields));
}

/// Tries names and values of fields that a host must refuse or take; answers a list of [name, value, outcome].
pub fn fields(call: Call) {
    let tries: [(&str, &[u8]); 16] = [
        ("x-plain", b"value"),
        ("X-Upper", b"Value"),
        ("x-empty", b""),
        ("x-latin", b"caf\xe9"),
        ("x-tab", b"a\tb"),
        ("x-cr", b"a\rb"),
        ("x-lf", b"a\nb"),
        ("x-crlf", b"a\r\nx-smuggled: 1"),
        ("x-nul", b"a\0b"),
        ("x bad", b"space in the name"),
        ("", b"no name"),
        ("x:colon", b"colon in the name"),
        ("connection", b"close"),
        ("transfer-encoding", b"chunked"),
        ("host", b"example.org"),
        ("keep-alive", b"timeout=5"),
    ];
    let fields = Fields::new();
    let text = json_list(tries.iter().map(|(name, value)| {
        let outcome = fields.append(name, value).map_or_else(|error| format!("{error:?}"), |()| "taken".to_string());
        format!("[{},{},{}]", json_string(name), http::json_bytes(value), json_string(&outcome))
    }));
    let text = format!("{{\"tries\":{},\"kept\":{}}}\n", text, http::json_fields(&fields));
    http::reply_json(call.out, &text);
}

/// Fields that came with a request, or went with a response, are immutable; a clone is not.
pub fn immutable(call: Call) {
    let incoming = call.request.headers();
    let response = OutgoingResponse::new(Fields::new());
    let outcomes = [
        format!("{:?}", incoming.append("x-new", b"1")),
        format!("{:?}", incoming.delete("host")),
        format!("{:?}", incoming.set("x-new", &[b"1".to_vec()])),
        format!("{:?}", response.headers().append("x-new", b"1")),
        format!("{:?}", incoming.clone().append("x-new", b"1")),
    ];
    call.reply(&format!("{}\n", outcomes.join("\n")));
}

/// What may be taken once is refused the second time.
pub fn twice(call: Call) {
    let body = call.request.consume().expect("first consume");
    let stream = body.stream().expect("first stream");
    let response = OutgoingResponse::new(Fields::new());
    let out = response.body().expect("first body");
    let write = out.write().expect("first write");
    let again = [call.request.consume().is_err(), body.stream().is_err(), response.body().is_err(), out.write().is_err()];
    drop(stream);
    drop(write);
    call.reply(&format!("{again:?}\n"));
}

/// Sends a part of the body and drops it unfinished: the response is incomplete and the connection must say so.
pub fn unfinished(call: Call) {
    let answer = Answer::start(call.out, 200, &[http::header("content-type", "text/plain")]);
    answer.write(b"a part\n").expect("a part");
    drop(answer);
}

/// Answers without reading the request's body.
pub fn unread(call: Call) {
    call.reply("unread\n");
}

/// Breaks an order that the interface prescribes (`which=`): a trap.
pub fn drop_order(call: Call) {
    match call.text("which") {
        Some("body-before-stream") => {
            let body = call.request.consume().expect("consume");
            let stream = body.stream().expect("stream");
            drop(body);
            drop(stream);
        }
        Some("finish-before-stream") => {
            let body = call.request.consume().expect("consume");
            let stream = body.stream().expect("stream");
            drop(IncomingBody::finish(body));
            drop(stream);
        }
        Some("pollable-after-stream") => {
            let body = call.request.consume().expect("consume");
            let stream = body.stream().expect("stream");
            let pollable = stream.subscribe();
            drop(stream);
            drop(pollable);
        }
        Some("outgoing-before-stream") => {
            let response = OutgoingResponse::new(Fields::new());
            let body = response.body().expect("body");
            let stream = body.write().expect("write");
            let _ = OutgoingBody::finish(body, None);
            drop(stream);
        }
        Some("request-before-body") => {
            let body = call.request.consume().expect("consume");
            drop(call.request);
            drop(body);
            return http::reply_text(call.out, 200, "allowed\n");
        }
        _ => {}
    }
    call.reply("survived\n");
}

/// Makes objects that hold memory of the host (`what=`), and keeps them all: the host must end this before its memory is gone.
pub fn hoard(call: Call) {
    let big = vec![b'v'; 100_000];
    let mut kept = (Vec::new(), Vec::new(), Vec::new());
    loop {
        match call.text("what") {
            Some("headers") => kept.0.push(call.request.headers()),
            Some("fields") => {
                kept.0.push(Fields::new());
                kept.0.last().unwrap().append("x-big", &big).expect("append");
            }
            Some("empty-fields") => kept.0.push(Fields::new()),
            Some("requests") => {
                kept.1.push(OutgoingRequest::new(Fields::new()));
                let path = format!("/{}", "p".repeat(60_000));
                if kept.1.last().unwrap().set_path_with_query(Some(&path)).is_err() {
                    return call.reply(&format!("refused after {}\n", kept.1.len()));
                }
            }
            _ => {
                let response = OutgoingResponse::new(Fields::new());
                let body = response.body().expect("body");
                let stream = body.write().expect("stream");
                if http::write_all(&stream, &big[..60_000]).is_err() {
                    let count = kept.2.len();
                    kept.2.clear();
                    return call.reply(&format!("refused after {count}\n"));
                }
                kept.2.push((stream, body, response));
            }
        }
    }
}

/// Declares a length of 10 and sends no body: right for HEAD, 204 and 304 only. `early=1` ends the body before the response is set.
pub fn declared(call: Call) {
    let response = OutgoingResponse::new(Fields::from_list(&[http::header("content-length", "10")]).expect("fields"));
    response.set_status_code(call.number("code", 200) as u16).expect("status");
    let body = response.body().expect("body");
    if call.number("early", 0) == 1 {
        OutgoingBody::finish(body, None).expect("finish");
        ResponseOutparam::set(call.out, Ok(response));
    } else {
        ResponseOutparam::set(call.out, Ok(response));
        OutgoingBody::finish(body, None).expect("finish");
    }
}

/// Asks for the trailers of a body that nobody has read; when they are said to be ready they must be there.
pub fn late_trailers(call: Call) {
    let trailers = IncomingBody::finish(call.request.consume().expect("consume"));
    trailers.subscribe().block();
    let outcome = trailers.get().expect("ready").expect("taken once").expect("body");
    let again = matches!(trailers.get(), Some(Err(())));
    call.reply(&format!("{} {again}\n", outcome.map_or(0, |fields| fields.entries().len())));
}

/// Writes the body of a response that was dropped: the stream is closed, rather than full for ever.
pub fn orphan(call: Call) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("body");
    let stream = body.write().expect("stream");
    drop(response);
    let outcome = http::write_all(&stream, &[b'x'; 200_000]).is_err();
    call.reply(if outcome { "closed\n" } else { "taken\n" });
}

/// Gives the request's own headers, which are its children, away as trailers: then the request can be dropped.
pub fn borrowed_trailers(call: Call) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("body");
    OutgoingBody::finish(body, Some(call.request.headers())).expect("finish");
    drop(call.request);
    ResponseOutparam::set(call.out, Ok(response));
}
