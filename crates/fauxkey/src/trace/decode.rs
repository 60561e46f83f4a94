//! What messages say, on one line.
use crate::explain::aaguids;
use crate::explain::messages::{self, Members};
use wire::apdu::{self, StatusWord};
use wire::cbor::{Value, decode_foreign, diagnostic};
use wire::ctap1::{Instruction, Request};
use wire::ctap2::Command;
use wire::hex;
use wire::status::Status;
use wire::webauthn::AuthenticatorData;

/// Strings of more bytes than this are cut in the notation; a line has them all in its `bytes`.
const SHOWN: usize = 32;
/// How much of them is left.
const LEFT: usize = 8;

/// The name of a CTAP2 request, and its parameters in diagnostic notation with the names of the members.
pub fn request(message: &[u8]) -> (String, String) {
    let Some((command, parameters)) = message.split_first() else {
        return ("empty message".into(), String::new());
    };
    let command = Command(*command);
    (name(command), members(parameters, messages::members(command).map_or(&[], |(request, _)| request)))
}

/// The name of a CTAP2 command.
pub fn name(command: Command) -> String {
    messages::command_name(command).unwrap_or_else(|| command.to_string())
}

/// The status of a CTAP2 response, and its members.
pub fn response(command: Option<Command>, message: &[u8]) -> (String, String) {
    let Some((status, rest)) = message.split_first() else {
        return ("empty message".into(), String::new());
    };
    let names = command.and_then(messages::members).map_or(&[][..], |(_, response)| response);
    (Status(*status).to_string(), members(rest, names))
}

/// The name of a U2F request, and what it says.
pub fn u2f_request(message: &[u8]) -> (String, String) {
    let [_, instruction, ..] = message else { return ("no APDU".into(), String::new()) };
    let name = Instruction(*instruction).to_string();
    let text = match Request::decode(message) {
        Ok(Request::Register { application, .. }) => format!("application {}", hex::encode(&application)),
        Ok(Request::Authenticate { control, application, key_handle, .. }) => {
            let handle = string(&key_handle);
            format!(
                "control 0x{:02X}, application {}, key handle {handle}",
                control.byte(),
                hex::encode(&application)
            )
        }
        Ok(Request::Version) => String::new(),
        Err(refusal) => refusal.to_string(),
    };
    (name, text)
}

/// The status word of an answer APDU, and how much data comes with it.
pub fn u2f_response(message: &[u8]) -> (String, String) {
    match apdu::Response::decode(message) {
        Some(apdu::Response { data, status }) if data.is_empty() => (word(status), String::new()),
        Some(apdu::Response { data, status }) => (word(status), string(&data)),
        None => ("no APDU".into(), string(message)),
    }
}

/// A command APDU of a smart card: what it is, and its parts. Its data are a message's, which has a line of its own.
pub fn command_apdu(bytes: &[u8]) -> (String, String) {
    let Some([class, instruction, p1, p2]) = apdu::Command::header(bytes) else {
        return ("no APDU".into(), string(bytes));
    };
    let name = match (class & 0x80, instruction) {
        (0, 0xA4) => "SELECT".into(),
        (_, 0xC0) => "GET RESPONSE".into(),
        (0x80, 0x10) => "NFCCTAP_MSG".into(),
        (0x80, 0x11) => "NFCCTAP_GETRESPONSE".into(),
        (0x80, 0x12) => "NFCCTAP_CONTROL".into(),
        (0, other) if class & 0x10 == 0 => Instruction(other).to_string(),
        _ => format!("INS {instruction:02X}"),
    };
    let header = format!("{class:02X} {instruction:02X} {p1:02X} {p2:02X}");
    let text = match apdu::Command::decode(bytes) {
        Ok(command) => {
            let data = match (command.data.len(), name.as_str()) {
                (0, _) => String::new(),
                (_, "SELECT") => format!(", {}", string(&command.data)),
                (length, _) => format!(", {length} bytes"),
            };
            let expected = command.expected.map_or_else(String::new, |le| format!(", Le {le}"));
            let chained = if class & 0x10 == 0 { "" } else { ", more follows" };
            format!("{header}{data}{expected}{chained}")
        }
        Err(invalid) => format!("{header}: {invalid}"),
    };
    (name, text)
}

/// A response APDU of a smart card: its status word, and how much data it brings.
pub fn response_apdu(bytes: &[u8]) -> (String, String) {
    match apdu::Response::decode(bytes) {
        Some(apdu::Response { data, status }) => {
            let length = data.len();
            (word(status), if length == 0 { String::new() } else { format!("{length} bytes") })
        }
        None => ("no APDU".into(), String::new()),
    }
}

/// A status word, with those of a smart card that U2F does not know.
fn word(status: StatusWord) -> String {
    match status.0 {
        0x6100..=0x61FF => format!("0x{:04X} MORE_DATA", status.0),
        0x9100 => format!("0x{:04X} KEEPALIVE", status.0),
        _ => status.to_string(),
    }
}

/// A map with integer keys in diagnostic notation (RFC 8949 §8), where names stand as comments.
fn members(encoded: &[u8], names: Members) -> String {
    if encoded.is_empty() {
        return String::new();
    }
    let value = match decode_foreign(encoded) {
        Ok(Value::Map(members)) => members,
        Ok(other) => return notation(&other),
        Err(_) => return format!("{} (not CBOR)", string(encoded)),
    };
    let member = |(key, value): &(Value, Value)| {
        let number = key.as_integer().and_then(|key| i64::try_from(key).ok());
        let name = names.iter().find(|(known, _)| Some(*known) == number).map(|(_, name)| *name);
        let value = match (name, value) {
            (Some("authData"), Value::Bytes(data)) => authenticator_data(data),
            _ => notation(value),
        };
        match name {
            Some(name) => format!("{} / {name} /: {value}", notation(key)),
            None => format!("{}: {value}", notation(key)),
        }
    };
    format!("{{{}}}", value.iter().map(member).collect::<Vec<_>>().join(", "))
}

/// A value on one line, long strings cut short.
fn notation(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => string(bytes),
        Value::Array(items) => format!("[{}]", items.iter().map(notation).collect::<Vec<_>>().join(", ")),
        Value::Map(members) => {
            let member = |(key, value): &(Value, Value)| format!("{}: {}", notation(key), notation(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Value::Tag(tag, inner) => format!("{tag}({})", notation(inner)),
        leaf => diagnostic(leaf),
    }
}

/// A byte string, cut short.
fn string(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN {
        return format!("h'{}'", hex::encode(bytes));
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return format!("h'00…' / {} bytes /", bytes.len());
    }
    format!("h'{}…' / {} bytes /", hex::encode(&bytes[..LEFT]), bytes.len())
}

/// Authenticator data, with what people look for in it as a comment.
fn authenticator_data(bytes: &[u8]) -> String {
    let Ok(data) = AuthenticatorData::decode(bytes) else { return string(bytes) };
    let model = data.attested.as_ref().map(|attested| {
        let name =
            aaguids::model(attested.aaguid).map_or_else(String::new, |model| format!(" {}", model.name));
        format!(", aaguid {}{name}", attested.aaguid)
    });
    let extensions = data.extensions.as_ref().map(|value| format!(", extensions {}", notation(value)));
    format!(
        "h'{}…' / {} bytes: flags {}, signCount {}{}{} /",
        hex::encode(&bytes[..LEFT]),
        bytes.len(),
        data.flags,
        data.sign_count,
        model.unwrap_or_default(),
        extensions.unwrap_or_default(),
    )
}
