//! DER, X.690, as far as these statements need it.

/// A tag of class context, constructed.
const CONTEXT: u8 = 0xA0;

fn tagged(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let short = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let length = match content.len() {
        0..0x80 => vec![content.len() as u8],
        _ => [&[0x80 | short.len() as u8], short].concat(),
    };
    [tag, &length, content].concat()
}

/// SEQUENCE of what is encoded already.
pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(&[0x30], &parts.concat())
}

/// SET of what is encoded already, in its order.
pub(super) fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(&[0x31], &parts.concat())
}

/// INTEGER, of big-endian bytes that may have leading zeros.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[zeros..];
    let sign: &[u8] = if digits.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    tagged(&[0x02], &[sign, digits].concat())
}

/// ENUMERATED, below 128.
pub(super) fn enumerated(value: u8) -> Vec<u8> {
    tagged(&[0x0A], &[value])
}

/// OCTET STRING.
pub(super) fn octets(bytes: &[u8]) -> Vec<u8> {
    tagged(&[0x04], bytes)
}

/// BIT STRING of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    tagged(&[0x03], &[&[0], bytes].concat())
}

/// UTF8String.
pub(super) fn text(text: &str) -> Vec<u8> {
    tagged(&[0x0C], text.as_bytes())
}

/// NULL.
pub(super) fn null() -> Vec<u8> {
    tagged(&[0x05], &[])
}

/// OBJECT IDENTIFIER, of its content's bytes.
pub(super) fn oid(content: &[u8]) -> Vec<u8> {
    tagged(&[0x06], content)
}

/// An explicit tag of class context, with a number below 16384.
pub(super) fn explicit(number: u16, content: &[u8]) -> Vec<u8> {
    let low = (number & 0x7F) as u8;
    let tag = match number {
        0..31 => vec![CONTEXT | low],
        31..128 => vec![CONTEXT | 0x1F, low],
        _ => vec![CONTEXT | 0x1F, 0x80 | (number >> 7) as u8, low],
    };
    tagged(&tag, content)
}
