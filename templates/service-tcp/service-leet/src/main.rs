//! Answers each line of each connection with the same in "leet".

use wstd::io::{self, AsyncRead, AsyncWrite};
use wstd::iter::AsyncIterator;
use wstd::net::{TcpListener, TcpStream};

const ADDRESS: &str = "127.0.0.1:7777";

fn leet(byte: u8) -> u8 {
    match byte.to_ascii_lowercase() {
        b'a' => b'4',
        b'e' => b'3',
        b'i' => b'1',
        b'o' => b'0',
        b's' => b'5',
        b't' => b'7',
        _ => byte,
    }
}

/// Byte for byte, so a line's end stays one.
async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut part = [0; 4096];
    loop {
        let len = stream.read(&mut part).await?;
        if len == 0 {
            return Ok(());
        }
        part[..len].iter_mut().for_each(|byte| *byte = leet(*byte));
        stream.write_all(&part[..len]).await?;
    }
}

#[wstd::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind(ADDRESS).await?;
    eprintln!("listening on {ADDRESS}");
    let mut connections = listener.incoming();
    while let Some(stream) = connections.next().await {
        let stream = stream?;
        wstd::runtime::spawn(async move {
            if let Err(error) = serve(stream).await {
                eprintln!("connection: {error}");
            }
        })
        .detach();
    }
    Ok(())
}
