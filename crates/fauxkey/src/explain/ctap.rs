//! CTAP2 messages, CTAP 2.3 §6: requests, responses and bare bytes, with or without the byte in front.
use super::cbor::{self, Item, int_member};
use super::messages::{self, Members};
use super::tree::{Node, count, quoted, size};
use super::{Fit, Kind, Stuck, attestation, authenticator_data, cose, get_info, names};
use wire::cbor::Value;
use wire::ctap2::{Command, PUBLIC_KEY, Request};
use wire::status::Status;

/// A request: a command byte and a map with integer keys.
pub(super) fn read_request(bytes: &[u8]) -> Result<Fit, Stuck> {
    let (command, parameters) = bytes.split_first().ok_or_else(|| Stuck::at(0, "empty"))?;
    let command = Command(*command);
    let name = messages::command_name(command)
        .ok_or_else(|| Stuck::at(0, format!("0x{:02x} is no command byte", command.0)))?;
    if parameters.is_empty() {
        return Err(Stuck::at(1, "a command byte alone"));
    }
    let item = cbor::item(parameters).map_err(|stuck| stuck.after(1))?;
    if !has_int_keys(&item.value) {
        return Err(Stuck::at(
            1,
            format!("parameters are {}, not a map with integer keys", cbor::kind_of(&item.value)),
        ));
    }
    let mut odd = Vec::new();
    let mut tree = vec![Node::new("command", format!("0x{:02X}", command.0)).note(name)];
    tree.append(&mut request_lines(command, &item, &mut odd));
    // What wire's decoder refuses, an authenticator refuses, and with the same status.
    let message = &bytes[..bytes.len() - item.rest.len()];
    if let Err(error) = Request::decode(message)
        && error.status != Status::INVALID_COMMAND
    {
        odd.push(match Request::decode_over_hybrid(message) {
            Ok(_) => format!("an authenticator refuses it but over hybrid: {error}"),
            Err(_) => format!("an authenticator refuses it: {error}"),
        });
    }
    Ok(Fit { kind: Kind::CtapRequest, tree, odd, rest: item.rest.len() })
}

/// A response: status 0 and a map with integer keys.
pub(super) fn read_response(bytes: &[u8]) -> Result<Fit, Stuck> {
    let (status, members) = bytes.split_first().ok_or_else(|| Stuck::at(0, "empty"))?;
    let status = Status(*status);
    if status != Status::OK {
        return Err(Stuck::at(0, format!("status {status} has no members")));
    }
    if members.is_empty() {
        return Err(Stuck::at(1, "a status alone"));
    }
    let item = cbor::item(members).map_err(|stuck| stuck.after(1))?;
    if !has_int_keys(&item.value) {
        return Err(Stuck::at(
            1,
            format!("members are {}, not a map with integer keys", cbor::kind_of(&item.value)),
        ));
    }
    let mut odd = Vec::new();
    let command = answered_command(&item.value);
    let mut tree = vec![Node::new("status", status.to_string())];
    tree.append(&mut response_lines(command, &item, &mut odd));
    let kind = if command == Some(Command::GET_INFO) { Kind::GetInfo } else { Kind::CtapResponse };
    Ok(Fit { kind, tree, odd, rest: item.rest.len() })
}

/// The members of a message whose first byte was left behind.
pub(super) fn read_bare_members(bytes: &[u8]) -> Result<Fit, Stuck> {
    let no_members = || Stuck::at(0, "no map with integer keys");
    let begins = |(key, _): (Value, Value)| key.is_integer();
    let item = cbor::item(bytes)
        .map_err(|stuck| if cbor::first_member(bytes).is_some_and(begins) { stuck } else { no_members() })?;
    if !has_int_keys(&item.value) {
        return Err(no_members());
    }
    let mut odd = Vec::new();
    let rest = item.rest.len();
    if let Some(command) = asked_command(&item.value) {
        odd.push("the command byte in front is missing".into());
        let tree = request_lines(command, &item, &mut odd);
        return Ok(Fit { kind: Kind::CtapRequest, tree, odd, rest });
    }
    let command =
        answered_command(&item.value).ok_or_else(|| Stuck::at(0, "its members are those of no message"))?;
    let kind = if command == Command::GET_INFO { Kind::GetInfo } else { Kind::CtapResponse };
    if kind == Kind::CtapResponse {
        odd.push("the status byte in front is missing".into());
    }
    let tree = response_lines(Some(command), &item, &mut odd);
    Ok(Fit { kind, tree, odd, rest })
}

/// One byte: a status, or a command without parameters. Nobody can tell which.
pub(super) fn read_byte(bytes: &[u8]) -> Result<Fit, Stuck> {
    let [byte] = bytes else { return Err(Stuck::at(0, format!("{}, not one", size(bytes.len())))) };
    let status = Status(*byte);
    let command = messages::command_name(Command(*byte));
    let meaning = messages::meaning(status);
    if status.name().is_none() && meaning.is_empty() && command.is_none() {
        return Err(Stuck::at(0, format!("0x{byte:02x} is neither a status nor a command")));
    }
    let mut odd = Vec::new();
    if matches!(byte, 0x10 | 0x13) {
        odd.push(format!("0x{byte:02X} was removed from CTAP, and no authenticator should send it"));
    }
    let mut tree = vec![Node::new("as a response", status.to_string()).note(meaning)];
    if let Some(command) = command {
        tree.push(Node::new("as a request", format!("0x{byte:02X}")).note(command));
    }
    Ok(Fit { kind: Kind::CtapByte, tree, odd, rest: 0 })
}

fn has_int_keys(value: &Value) -> bool {
    value.as_map().is_some_and(|map| map.is_empty() || map.iter().any(|(key, _)| key.is_integer()))
}

/// Which command's parameters these are, if they can be told from every other message.
fn asked_command(value: &Value) -> Option<Command> {
    let at = |key| int_member(value, key);
    match (at(1), at(2), at(3)) {
        (Some(Value::Bytes(_)), Some(Value::Map(_)), Some(Value::Map(_))) => Some(Command::MAKE_CREDENTIAL),
        (Some(Value::Text(_)), Some(Value::Bytes(hash)), None | Some(Value::Array(_)))
            if hash.len() == 32 =>
        {
            Some(Command::GET_ASSERTION)
        }
        _ => None,
    }
}

/// Which command such members answer: a response does not say it, but its shape does.
fn answered_command(value: &Value) -> Option<Command> {
    let at = |key| int_member(value, key);
    let keys: Vec<i128> =
        value.as_map()?.iter().filter_map(|(key, _)| Some(key.as_integer()?.into())).collect();
    let only = |allowed: &[i128]| !keys.is_empty() && keys.iter().all(|key| allowed.contains(key));
    Some(match (at(1), at(2), at(3)) {
        (Some(Value::Array(_)), _, Some(Value::Bytes(_))) => Command::GET_INFO,
        (Some(Value::Text(_)), Some(Value::Bytes(_)), _) => Command::MAKE_CREDENTIAL,
        (_, Some(Value::Bytes(_)), Some(Value::Bytes(_))) => Command::GET_ASSERTION,
        (Some(Value::Bytes(_)), None, None) if only(&[1]) => Command::LARGE_BLOBS,
        (Some(Value::Map(_)), None | Some(Value::Bytes(_)), None) if only(&[1, 2]) => Command::CLIENT_PIN,
        (None, Some(Value::Bytes(_)), None) if only(&[2]) => Command::CLIENT_PIN,
        (None, None, Some(Value::Integer(_))) if only(&[3, 4]) => Command::CLIENT_PIN,
        (None, None, None) if only(&[5]) && at(5)?.is_integer() => Command::CLIENT_PIN,
        (None, None, None) if only(&[7]) && at(7)?.is_array() => Command::BIO_ENROLLMENT,
        (None, None, None) if only(&[4, 5, 6]) && at(5)?.is_integer() && at(6)?.is_integer() => {
            Command::BIO_ENROLLMENT
        }
        (Some(Value::Integer(_)), Some(Value::Integer(_)), None) if only(&[1, 2]) => {
            Command::CREDENTIAL_MANAGEMENT
        }
        (None, None, Some(Value::Map(_))) if only(&[3, 4, 5]) => Command::CREDENTIAL_MANAGEMENT,
        (None, None, None) if at(6)?.is_map() && at(7)?.is_map() => Command::CREDENTIAL_MANAGEMENT,
        _ => return None,
    })
}

fn request_lines(command: Command, item: &Item<'_>, odd: &mut Vec<String>) -> Vec<Node> {
    item.check("the parameter map", odd);
    let table = messages::members(command).map_or(&[][..], |(request, _)| request);
    let lines = lines(command, table, &item.value, odd);
    let has = |key| int_member(&item.value, key).is_some();
    let option = |key: i64, name: &str| cbor::text_member(int_member(&item.value, key)?, name)?.as_bool();
    match command {
        Command::MAKE_CREDENTIAL => {
            if option(0x07, "up") == Some(false) {
                odd.push(
                    "up is false, which authenticatorMakeCredential refuses (CTAP 2.1 §6.1.2 step 5)".into(),
                );
            }
            if option(0x07, "rk") != Some(true) {
                odd.push(
                    "rk is not true: the credential need not be discoverable, and a passkey must be".into(),
                );
            }
            check_auth_param(has(0x08), has(0x09), option(0x07, "uv"), odd);
        }
        Command::GET_ASSERTION => {
            if option(0x05, "rk").is_some() {
                odd.push("rk has no meaning in authenticatorGetAssertion (CTAP 2.1 §6.2.2 step 4)".into());
            }
            if option(0x05, "up") == Some(false) {
                odd.push("up is false: a silent question whether a credential is here".into());
            }
            check_auth_param(has(0x06), has(0x07), option(0x05, "uv"), odd);
        }
        _ if table.is_empty() => odd.push(format!("{command} takes no parameters")),
        _ => {}
    }
    lines
}

fn check_auth_param(param: bool, protocol: bool, uv: Option<bool>, odd: &mut Vec<String>) {
    if param && !protocol {
        odd.push(
            "pinUvAuthParam without pinUvAuthProtocol: MISSING_PARAMETER (CTAP 2.1 §6.1.2 step 2)".into(),
        );
    }
    if param && uv == Some(true) {
        odd.push("uv and pinUvAuthParam together: uv then counts as false (CTAP 2.1 §6.1.2 step 5)".into());
    }
}

fn response_lines(command: Option<Command>, item: &Item<'_>, odd: &mut Vec<String>) -> Vec<Node> {
    item.check("the response map", odd);
    let Some(command) = command else {
        odd.push("the members are those of no response with a name here".into());
        return item
            .value
            .as_map()
            .into_iter()
            .flatten()
            .map(|(key, value)| cbor::node(cbor::key_text(key), value))
            .collect();
    };
    let answers = Node::new("answers", messages::command_name(command).unwrap_or_default())
        .note("judged by its members");
    let table = messages::members(command).map_or(&[][..], |(_, response)| response);
    let mut nodes = vec![answers];
    if command == Command::GET_INFO {
        nodes.append(&mut get_info::lines(&item.value, odd));
        return nodes;
    }
    nodes.append(&mut lines(command, table, &item.value, odd));
    nodes
}

/// The members of a message, each by its name.
fn lines(command: Command, table: Members, value: &Value, odd: &mut Vec<String>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let registration = registration(command, value, odd);
    for (key, value) in value.as_map().into_iter().flatten() {
        let number = key.as_integer().and_then(|n| i64::try_from(n).ok());
        let Some((number, name)) = table.iter().find(|(known, _)| Some(*known) == number) else {
            odd.push(format!("member {} has no name here", cbor::key_text(key)));
            nodes.push(cbor::node(cbor::key_text(key), value));
            continue;
        };
        let ready = registration.iter().flatten().find(|node| node.label == *name).cloned();
        let mut node = ready.unwrap_or_else(|| described(command, name, value, odd));
        node.label = format!("0x{number:02X} {name}");
        nodes.push(node);
    }
    nodes
}

/// fmt, attStmt and authData of a makeCredential response explain each other.
fn registration(command: Command, value: &Value, odd: &mut Vec<String>) -> Option<[Node; 3]> {
    let fmt = int_member(value, 1).filter(|_| command == Command::MAKE_CREDENTIAL)?.as_text()?;
    let auth_data = int_member(value, 2)?.as_bytes()?;
    Some(attestation::parts(fmt, int_member(value, 3), auth_data, odd).0)
}

fn described(command: Command, name: &str, value: &Value, odd: &mut Vec<String>) -> Node {
    let number = value.as_integer().map(i128::from);
    match (name, value) {
        ("clientDataHash", Value::Bytes(hash)) => {
            if hash.len() != 32 {
                odd.push(format!("clientDataHash has {}, not 32", size(hash.len())));
            }
            Node::bytes(name, hash).note("SHA-256 of the client data")
        }
        ("pinUvAuthParam", Value::Bytes(param)) if param.is_empty() => {
            Node::new(name, "empty").note("asks for a touch and nothing else")
        }
        ("pubKeyCredParams", Value::Array(entries)) => algorithms(name, entries, odd),
        ("excludeList" | "allowList", Value::Array(entries)) => {
            let lines = entries
                .iter()
                .enumerate()
                .map(|(i, entry)| descriptor(&format!("[{i}]"), entry, odd))
                .collect();
            Node::new(name, count(entries.len(), "credential")).with(lines)
        }
        ("credential" | "credentialID", Value::Map(_)) => descriptor(name, value, odd),
        ("user", Value::Map(_)) => user(name, value, odd),
        ("extensions" | "unsignedExtensionOutputs", _) => authenticator_data::extensions(name, value, odd),
        ("keyAgreement" | "publicKey", _) => cose::node(name, value, odd),
        ("authData", Value::Bytes(bytes)) => assertion_data(name, bytes, odd),
        ("signature", Value::Bytes(bytes)) => Node::bytes(name, bytes).note(signature(bytes)),
        ("subCommand", _) => {
            let known = number.and_then(|number| messages::subcommand(command, number));
            if known.is_none() {
                odd.push(format!("{command} has no subcommand with that number here"));
            }
            cbor::node(name, value).note_if(known)
        }
        ("permissions", _) => cbor::node(name, value).note_if(number.map(names::permissions)),
        ("credProtect", _) => cbor::node(name, value).note_if(number.and_then(names::cred_protect)),
        _ => cbor::node(name, value),
    }
}

/// Authenticator data of a sign-in.
pub(super) fn assertion_data(label: &str, bytes: &[u8], odd: &mut Vec<String>) -> Node {
    let (node, parsed) = authenticator_data::node(label, bytes, odd);
    if parsed.is_some_and(|parsed| parsed.attested.is_some()) {
        odd.push(
            "authenticator data of a sign-in has attested credential data (WebAuthn Level 3 §6.1)".into(),
        );
    }
    node
}

/// What a signature can be, by its shape.
pub(super) fn signature(bytes: &[u8]) -> &'static str {
    match (bytes, bytes.len()) {
        ([0x30, length, rest @ ..], _) if usize::from(*length) == rest.len() => "ECDSA in DER",
        (_, 64) => "EdDSA, or ECDSA that was not encoded in DER",
        (_, 128..) => "RSA or ML-DSA, by its length",
        _ => "of no shape that is known here",
    }
}

fn algorithms(label: &str, entries: &[Value], odd: &mut Vec<String>) -> Node {
    let mut lines = Vec::with_capacity(entries.len());
    for (i, entry) in entries.iter().enumerate() {
        let alg = cbor::text_member(entry, "alg").and_then(Value::as_integer).map(i128::from);
        let kind = cbor::text_member(entry, "type").and_then(Value::as_text);
        let label = format!("[{i}]");
        lines.push(match (alg, kind) {
            (Some(alg), Some(PUBLIC_KEY)) => Node::new(label, names::algorithm(alg)),
            (Some(alg), Some(other)) => {
                odd.push(format!("a parameter has type {}, and is passed over", quoted(other)));
                Node::new(label, names::algorithm(alg)).note(format!("type {}", quoted(other)))
            }
            _ => cbor::node(label, entry),
        });
    }
    if entries.is_empty() {
        odd.push("pubKeyCredParams is empty: no algorithm will do".into());
    }
    Node::new(label, count(entries.len(), "algorithm")).with(lines)
}

fn descriptor(label: &str, entry: &Value, odd: &mut Vec<String>) -> Node {
    let Some(id) = cbor::text_member(entry, "id").and_then(Value::as_bytes) else {
        odd.push("a credential descriptor has no id".into());
        return cbor::node(label, entry);
    };
    authenticator_data::check_id(id, odd);
    let kind = cbor::text_member(entry, "type").and_then(Value::as_text);
    if kind != Some(PUBLIC_KEY) {
        odd.push("a credential descriptor is not of type public-key, and is passed over".into());
    }
    let transports = cbor::text_member(entry, "transports").and_then(Value::as_array);
    let transports = transports
        .into_iter()
        .flatten()
        .filter_map(Value::as_text)
        .map(super::tree::word)
        .collect::<Vec<_>>();
    let via = (!transports.is_empty()).then(|| format!("reachable by {}", transports.join(", ")));
    Node::bytes(label, id).note_if(via)
}

fn user(label: &str, value: &Value, odd: &mut Vec<String>) -> Node {
    let id = cbor::text_member(value, "id").and_then(Value::as_bytes);
    if let Some(id) = id {
        check_user_id(id, odd);
    }
    let mut node = cbor::node(label, value);
    if let Some(line) = node.children.iter_mut().find(|line| line.label == "id") {
        *line = line.clone().note_if(id.and_then(|id| entra_tenant(id)));
    }
    node
}

/// WebAuthn Level 3 §5.4.3: a user handle has 1 to 64 bytes.
pub(super) fn check_user_id(id: &[u8], odd: &mut Vec<String>) {
    if id.is_empty() || id.len() > 64 {
        odd.push(format!("user.id has {}, and needs 1 to 64 (WebAuthn Level 3 §5.4.3)", size(id.len())));
    }
}

/// The tenant inside a user handle of Entra ID, as captures show it: `O`, a letter, a colon, the tenant's GUID in
/// .NET's byte order, and a hash of 32 bytes.
pub(super) fn entra_tenant(id: &[u8]) -> Option<String> {
    let [b'O', _, b':', tenant @ ..] = id else { return None };
    let (guid, hash) = tenant.split_first_chunk::<16>()?;
    let [a, b, c, d, e, f, g, h, rest @ ..] = *guid;
    let aaguid = wire::aaguid::Aaguid(
        *[d, c, b, a, f, e, h, g].iter().chain(&rest).copied().collect::<Vec<u8>>().first_chunk::<16>()?,
    );
    (hash.len() == 32).then(|| format!("looks like Entra ID, tenant {aaguid}"))
}
