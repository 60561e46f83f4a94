//! From values to bytes: shortest heads, definite lengths, keys in CTAP2 order.
use super::Value;
use super::read::canonical_order;
use alloc::vec::Vec;

/// The canonical encoding of `value`, CTAP 2.1 §8. Maps may be given in any order.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Integer(integer) => {
            let n = i128::from(*integer);
            // CBOR integers span -2^64 to 2^64 - 1, and ciborium's `Integer` holds no others.
            match u64::try_from(n) {
                Ok(unsigned) => head(0, unsigned, out),
                Err(_) => head(1, u64::try_from(-1 - n).unwrap_or(u64::MAX), out),
            }
        }
        Value::Bytes(bytes) => {
            head(2, length(bytes.len()), out);
            out.extend_from_slice(bytes);
        }
        Value::Text(text) => {
            head(3, length(text.len()), out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, length(items.len()), out);
            items.iter().for_each(|item| write(item, out));
        }
        Value::Map(members) => {
            head(5, length(members.len()), out);
            let mut members: Vec<(Vec<u8>, &Value)> =
                members.iter().map(|(key, value)| (encode_key(key), value)).collect();
            members.sort_by(|(a, _), (b, _)| canonical_order(a, b));
            for (key, value) in members {
                out.extend_from_slice(&key);
                write(value, out);
            }
        }
        Value::Bool(bit) => out.push(0xF4 | u8::from(*bit)),
        Value::Null => out.push(0xF6),
        // CTAP has neither tags nor floats; whoever shows a foreign value gets ciborium's rendering.
        other => {
            let mut foreign = Vec::new();
            ciborium::into_writer(other, &mut foreign).expect("writing to memory cannot fail");
            out.extend_from_slice(&foreign);
        }
    }
}

fn encode_key(key: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    write(key, &mut out);
    out
}

fn length(len: usize) -> u64 {
    u64::try_from(len).expect("a length fits 64 bits")
}

/// A head in its shortest form: the first byte takes an argument under 24 itself.
fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    if let Ok(byte) = u8::try_from(argument) {
        if byte < 24 {
            out.push(major | byte);
        } else {
            out.extend_from_slice(&[major | 24, byte]);
        }
    } else if let Ok(short) = u16::try_from(argument) {
        out.push(major | 25);
        out.extend_from_slice(&short.to_be_bytes());
    } else if let Ok(word) = u32::try_from(argument) {
        out.push(major | 26);
        out.extend_from_slice(&word.to_be_bytes());
    } else {
        out.push(major | 27);
        out.extend_from_slice(&argument.to_be_bytes());
    }
}
