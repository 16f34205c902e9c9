//! Works on the files of its volumes as the URL says: /<operation>/<volume>/<path>, all percent-encoded UTF-8.
//! The query may give path=P (used as it stands in place of <path>, to try absolute ones), to=P (the other path of rename, link
//! and symlink, in the same volume), offset=N, length=N, nofollow=1, flags=exclusive|read-only. /volumes lists the volumes.
//! A refusal is answered with the name of the file system's error code, and 404 or 403 where those fit, else 409.

wit_bindgen::generate!({
    path: "wit",
    world: "files",
    generate_all,
});

#[path = "../../kit/http.rs"]
mod http;

use exports::wasi::http::incoming_handler::Guest;
use http::{json_list, json_string, Answer};
use wasi::filesystem::preopens::get_directories;
use wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};
use wasi::http::types::{IncomingRequest, ResponseOutparam};

struct Files;
export!(Files);

/// One request's file operation: the volume, the path in it, and the query.
struct Operation<'a> {
    volume: Descriptor,
    path: String,
    query: Option<&'a str>,
}

fn type_name(kind: DescriptorType) -> &'static str {
    match kind {
        DescriptorType::Unknown => "unknown",
        DescriptorType::BlockDevice => "block-device",
        DescriptorType::CharacterDevice => "character-device",
        DescriptorType::Directory => "directory",
        DescriptorType::Fifo => "fifo",
        DescriptorType::SymbolicLink => "symbolic-link",
        DescriptorType::RegularFile => "regular-file",
        DescriptorType::Socket => "socket",
    }
}

fn json_stat(stat: &DescriptorStat) -> String {
    let modified = stat.data_modification_timestamp.map_or("null".to_string(), |time| time.seconds.to_string());
    format!(
        "{{\"type\":{},\"links\":{},\"size\":{},\"modified\":{}}}\n",
        json_string(type_name(stat.type_)),
        stat.link_count,
        stat.size,
        modified
    )
}

fn decode(text: &str) -> Result<String, ErrorCode> {
    String::from_utf8(http::percent_decode(text)).map_err(|_| ErrorCode::IllegalByteSequence)
}

/// The volume whose guest path starts `full`, the longest if several do, and the rest of the path below it.
fn find_volume(full: &str) -> Result<(Descriptor, String), ErrorCode> {
    let below = |guest: &str| {
        let rest = full.strip_prefix(guest.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_string())
    };
    get_directories()
        .into_iter()
        .filter_map(|(volume, guest)| below(&guest).map(|rest| (guest.len(), volume, rest)))
        .max_by_key(|(length, ..)| *length)
        .map(|(_, volume, rest)| (volume, if rest.is_empty() { ".".to_string() } else { rest }))
        .ok_or(ErrorCode::NoEntry)
}

impl<'a> Operation<'a> {
    fn parse(path: &str, query: Option<&'a str>) -> Result<Operation<'a>, ErrorCode> {
        let (volume, rest) = find_volume(&decode(path)?)?;
        let path = http::query_value(query, "path").map_or(Ok(rest), decode)?;
        Ok(Operation { volume, path, query })
    }

    fn to(&self) -> Result<String, ErrorCode> {
        decode(http::query_value(self.query, "to").ok_or(ErrorCode::Invalid)?)
    }

    fn number(&self, key: &str, otherwise: u64) -> u64 {
        http::query_number(self.query, key, otherwise)
    }

    fn follow(&self) -> PathFlags {
        if http::query_value(self.query, "nofollow").is_some() {
            PathFlags::empty()
        } else {
            PathFlags::SYMLINK_FOLLOW
        }
    }

    fn open(&self, how: OpenFlags, flags: DescriptorFlags) -> Result<Descriptor, ErrorCode> {
        self.volume.open_at(self.follow(), &self.path, how, flags)
    }

    fn open_for_write(&self, how: OpenFlags) -> Result<Descriptor, ErrorCode> {
        let exclusive = http::query_value(self.query, "flags") == Some("exclusive");
        let how = if exclusive { how | OpenFlags::EXCLUSIVE } else { how };
        let read_only = http::query_value(self.query, "flags") == Some("read-only");
        let flags = if read_only { DescriptorFlags::READ } else { DescriptorFlags::WRITE };
        self.open(OpenFlags::CREATE | how, flags)
    }

    fn read(&self) -> Result<Vec<u8>, ErrorCode> {
        let file = self.open(OpenFlags::empty(), DescriptorFlags::READ)?;
        let offset = self.number("offset", 0);
        if let Some(length) = http::query_value(self.query, "length").and_then(|text| text.parse().ok()) {
            return file.read(length, offset).map(|(bytes, _end)| bytes);
        }
        let mut all = Vec::new();
        http::read_each(&file.read_via_stream(offset)?, |bytes| all.extend_from_slice(bytes));
        Ok(all)
    }

    /// Streams the request's body into the file; answers how many bytes.
    fn write(&self, request: &IncomingRequest, append: bool) -> Result<Vec<u8>, ErrorCode> {
        let whole = !append && http::query_value(self.query, "offset").is_none();
        let file = self.open_for_write(if whole { OpenFlags::TRUNCATE } else { OpenFlags::empty() })?;
        let stream = if append { file.append_via_stream()? } else { file.write_via_stream(self.number("offset", 0))? };
        let mut length = 0u64;
        let mut failed = false;
        http::read_body(request, |bytes| {
            failed = failed || http::write_all(&stream, bytes).is_err();
            length += bytes.len() as u64;
        });
        if failed {
            return Err(ErrorCode::Io);
        }
        Ok(format!("{length}\n").into_bytes())
    }

    fn list(&self) -> Result<Vec<u8>, ErrorCode> {
        let directory = self.open(OpenFlags::DIRECTORY, DescriptorFlags::READ)?;
        let entries = directory.read_directory()?;
        let mut lines = Vec::new();
        while let Some(entry) = entries.read_directory_entry()? {
            lines.push(format!("{} {}\n", type_name(entry.type_), entry.name));
        }
        lines.sort();
        Ok(lines.concat().into_bytes())
    }

    fn touch(&self) -> Result<(), ErrorCode> {
        let time = wasi::clocks::wall_clock::Datetime { seconds: self.number("seconds", 0), nanoseconds: 0 };
        self.volume.set_times_at(self.follow(), &self.path, NewTimestamp::NoChange, NewTimestamp::Timestamp(time))
    }

    fn hash(&self) -> Result<Vec<u8>, ErrorCode> {
        let hash = self.volume.metadata_hash_at(self.follow(), &self.path)?;
        Ok(format!("{:016x}{:016x}\n", hash.upper, hash.lower).into_bytes())
    }

    fn run(&self, name: &str, request: &IncomingRequest) -> Result<Vec<u8>, ErrorCode> {
        let nothing = |()| Vec::new();
        let (volume, path) = (&self.volume, self.path.as_str());
        match name {
            "read" => self.read(),
            "write" => self.write(request, false),
            "append" => self.write(request, true),
            "list" => self.list(),
            "hash" => self.hash(),
            "stat" => Ok(json_stat(&volume.stat_at(self.follow(), path)?).into_bytes()),
            "truncate" => {
                let file = self.open(OpenFlags::empty(), DescriptorFlags::WRITE)?;
                file.set_size(self.number("length", 0)).map(nothing)
            }
            "touch" => self.touch().map(nothing),
            "mkdir" => volume.create_directory_at(path).map(nothing),
            "rmdir" => volume.remove_directory_at(path).map(nothing),
            "unlink" => volume.unlink_file_at(path).map(nothing),
            "rename" => volume.rename_at(path, volume, &self.to()?).map(nothing),
            "link" => volume.link_at(PathFlags::empty(), path, volume, &self.to()?).map(nothing),
            "symlink" => volume.symlink_at(&self.to()?, path).map(nothing),
            "readlink" => volume.readlink_at(path).map(String::into_bytes),
            _ => Err(ErrorCode::Unsupported),
        }
    }
}

fn answer_outcome(out: ResponseOutparam, outcome: Result<Vec<u8>, ErrorCode>) {
    match outcome {
        Ok(bytes) => http::reply(out, 200, "application/octet-stream", &bytes),
        Err(code) => {
            let status = match code {
                ErrorCode::NoEntry => 404,
                ErrorCode::Access | ErrorCode::NotPermitted | ErrorCode::ReadOnly => 403,
                _ => 409,
            };
            http::reply_text(out, status, &format!("{}\n", code.name()));
        }
    }
}

/// A large file goes out as it is read, never whole in this guest's memory.
fn download(out: ResponseOutparam, path: &str, query: Option<&str>) {
    let opened = Operation::parse(path, query).and_then(|operation| {
        let file = operation.open(OpenFlags::empty(), DescriptorFlags::READ)?;
        let size = file.stat()?.size;
        Ok((file.read_via_stream(0)?, size))
    });
    match opened {
        Err(code) => answer_outcome(out, Err(code)),
        Ok((stream, size)) => {
            let headers = [http::header("content-length", &size.to_string())];
            let answer = Answer::start(out, 200, &headers);
            http::read_each(&stream, |bytes| answer.write(bytes).expect("response body"));
            answer.finish(None);
        }
    }
}

impl Guest for Files {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = http::split_target(&target);
        let path = path.trim_start_matches('/');
        let (name, path) = path.split_at(path.find('/').unwrap_or(path.len()));
        match name {
            "volumes" => {
                let times = http::query_number(query, "times", 1);
                let _kept: Vec<_> = (1..times).map(|_| get_directories()).collect();
                let text = json_list(get_directories().iter().map(|(_, guest)| json_string(guest)));
                http::reply_json(out, &format!("{text}\n"));
            }
            "download" => download(out, path, query),
            _ => answer_outcome(out, Operation::parse(path, query).and_then(|operation| operation.run(name, &request))),
        }
    }
}
