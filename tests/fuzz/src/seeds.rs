//! Inputs to begin with, made of the project's fixtures.
use std::fs;
use std::path::Path;

/// Seeds of a target; `fixtures` is the project's folder of that name.
pub fn of(target: &str, fixtures: &Path) -> Vec<Vec<u8>> {
    match target {
        "cbor" => {
            [vectors(fixtures, "cbor"), vectors(fixtures, "ctap2"), vectors(fixtures, "getinfo")].concat()
        }
        "ctaphid" => vectors(fixtures, "ctap2").iter().map(|message| over_ctaphid(message)).collect(),
        "apdu" => vectors(fixtures, "ctap2").iter().map(|message| over_apdus(message)).collect(),
        "usbip" => usbip(&fixtures.join("usbip/sessions.txt")),
        "qr" => codes(&fixtures.join("hybrid/codes.txt")),
        "advert" => lines(&fixtures.join("hybrid/adverts.txt"), &["key: ", "advert: "]).collect(),
        "handshake" => handshakes(&fixtures.join("hybrid/sessions.txt")),
        "frames" => frames(&fixtures.join("hybrid/sessions.txt")),
        "requests" => requests(&vectors(fixtures, "ctap2")),
        _ => Vec::new(),
    }
}

/// The bytes of all vectors in a folder; `fixtures/README.md` has the format.
fn vectors(fixtures: &Path, folder: &str) -> Vec<Vec<u8>> {
    let Ok(files) = fs::read_dir(fixtures.join(folder)) else { return Vec::new() };
    let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
    paths.sort();
    let texts = paths.iter().filter_map(|path| fs::read_to_string(path).ok());
    texts.flat_map(|text| text.lines().filter_map(vector).collect::<Vec<_>>()).collect()
}

fn vector(line: &str) -> Option<Vec<u8>> {
    wire::hex::decode(line.strip_prefix("hex:")?)
}

/// INIT, and the message on the channel that it opens.
fn over_ctaphid(message: &[u8]) -> Vec<u8> {
    let mut seed = vec![7, 0, 0xFF, 11, 0x86, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    for report in wire::ctaphid::fragment(1, wire::ctaphid::Command::CBOR, message) {
        seed.extend([0, 1, 60]);
        seed.extend(&report[4..]);
    }
    seed.extend([6, 4, 0, 100, 7]);
    seed
}

/// SELECT, the message in pieces of 240 bytes, its response, and what is fetched of it.
fn over_apdus(message: &[u8]) -> Vec<u8> {
    let mut seed = vec![3, 0, 13, 0x00, 0xA4, 0x04, 0x00, 0x08];
    seed.extend([0xA0, 0x00, 0x00, 0x06, 0x47, 0x2F, 0x00, 0x01]);
    let mut pieces = message.chunks(240).peekable();
    while let Some(piece) = pieces.next() {
        let (length, class) = (
            u8::try_from(piece.len()).unwrap_or_default(),
            if pieces.peek().is_some() { 0x90 } else { 0x80 },
        );
        seed.extend([0, length + 5, class, 0x10, 0x80, 0x00, length]);
        seed.extend(piece);
    }
    // It waits for its user, and is asked again; then there is an answer of 700 bytes, fetched in two ways.
    seed.extend([5, 0, 5, 0x80, 0x11, 0x00, 0x00, 0x00, 4, 2, 188]);
    seed.extend([
        0, 5, 0x80, 0x11, 0x00, 0x00, 0x00, 0, 5, 0x00, 0xC0, 0x00, 0x00, 0x00, 0, 5, 0x80, 0xC0, 0, 0, 0,
    ]);
    seed
}

/// What clients of the fixtures say behind an import, in pieces.
fn usbip(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let blocks = text.split("\n\n").map(|block| {
        let mut seed = vec![0];
        for line in block.lines() {
            if let Some(hex) = line.strip_prefix("client: ") {
                bytes(hex).chunks(255).for_each(|piece| {
                    // A first byte below 16 stands for a report, so short pieces are filled up.
                    let len = u8::try_from(piece.len().max(16)).unwrap_or(u8::MAX);
                    seed.push(len);
                    seed.extend(piece);
                    seed.extend(vec![0; usize::from(len) - piece.len()]);
                });
            } else if line.starts_with("report: ") {
                seed.push(0);
            }
        }
        seed
    });
    blocks.filter(|seed| seed.len() > 1).collect()
}

/// Each text as it stands, and the CBOR in it.
fn codes(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let texts = text.lines().filter_map(|line| line.strip_prefix("text: "));
    let texts = texts.map(|text| [&[0][..], text.as_bytes()].concat());
    texts.chain(lines(path, &["hex: "]).map(|cbor| [&[1][..], &cbor].concat())).collect()
}

/// The bytes of those lines of each block, behind each other.
fn lines<'a>(path: &Path, keys: &'a [&'a str]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let text = fs::read_to_string(path).unwrap_or_default();
    let blocks: Vec<String> = text.split("\n\n").map(String::from).collect();
    let bytes = |block: String| {
        let lines = block.lines().filter_map(|line| keys.iter().find_map(|key| line.strip_prefix(key)));
        lines.flat_map(|hex| wire::hex::decode(hex).unwrap_or_default()).collect::<Vec<u8>>()
    };
    blocks.into_iter().map(bytes).filter(|seed| !seed.is_empty())
}

/// What a desktop and a phone say, to those who do not know them.
fn handshakes(path: &Path) -> Vec<Vec<u8>> {
    said(path, |line| {
        let (to, hex) = line.split_once(": ").filter(|(key, _)| ["desktop", "phone"].contains(key))?;
        let message = wire::hex::decode(hex).filter(|message| message.len() < 256)?;
        let operation = if to == "desktop" { 0 } else { 5 };
        Some([&[operation, u8::try_from(message.len()).unwrap_or(u8::MAX)][..], &message].concat())
    })
}

/// What is said in sealed messages, to either end, and what its owner does.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    said(path, |line| {
        let message =
            wire::hex::decode(line.strip_prefix("says: ")?).filter(|message| message.len() < 256)?;
        Some([&[0, u8::try_from(message.len()).unwrap_or(u8::MAX)][..], &message, &[5, 0, 4]].concat())
    })
}

/// The operations of each block's lines, for either side.
fn said(path: &Path, operation: impl Fn(&str) -> Option<Vec<u8>>) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let blocks =
        text.split("\n\n").map(|block| block.lines().filter_map(&operation).collect::<Vec<_>>().concat());
    let blocks: Vec<Vec<u8>> = blocks.filter(|seed| !seed.is_empty()).collect();
    [0, 1].iter().flat_map(|side| blocks.iter().map(|seed| [&[*side][..], seed].concat())).collect()
}

/// Hexadecimal digits, in which `00*12` is a byte twelve times.
fn bytes(text: &str) -> Vec<u8> {
    let word = |word: &str| match word.split_once('*') {
        Some((byte, times)) => wire::hex::decode(byte).unwrap_or_default().repeat(times.parse().unwrap_or(0)),
        None => wire::hex::decode(word).unwrap_or_default(),
    };
    text.split_whitespace().flat_map(word).collect()
}

/// Each request alone, and two behind each other, each with a user who agrees.
fn requests(messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let asked = |message: &[u8]| {
        let len = u16::try_from(message.len()).unwrap_or_default().to_be_bytes();
        [&[200][..], &len, message, &[33, 0]].concat()
    };
    let alone = messages.iter().map(|message| [&[0][..], &asked(message)].concat());
    let pairs = messages.windows(2).map(|pair| [&[1][..], &asked(&pair[0]), &asked(&pair[1])].concat());
    alone.chain(pairs).collect()
}
