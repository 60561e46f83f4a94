//! Authenticator data, WebAuthn Level 3 §6.1, read leniently: whatever can be told is told.
use super::aaguids::{self, Kept};
use super::tree::{Node, size};
use super::{Fit, Kind, Stuck, cbor, cose, names};
use wire::aaguid::Aaguid;
use wire::cbor::Value;
use wire::hex;
use wire::webauthn::Flags;

/// The published mark at the front of every credential ID that fauxkey makes.
const MARK: &[u8] = b"fauxkey1";
/// The longest credential ID that WebAuthn Level 3 §6.5.1 allows, in bytes.
const LONGEST_ID: usize = 1023;

/// What was found, for those who compare it with something else.
pub(super) struct Parsed {
    /// The attested credential data.
    pub(super) attested: Option<Attested>,
    /// The lines.
    pub(super) lines: Vec<Node>,
    /// Whether the flags announced that something follows the first 37 bytes.
    announced: bool,
    /// How many bytes are left over.
    pub(super) rest: usize,
}

/// Attested credential data.
pub(super) struct Attested {
    /// The model.
    pub(super) aaguid: Aaguid,
    /// The credential ID.
    pub(super) credential_id: Vec<u8>,
    /// The public key.
    pub(super) public_key: Value,
}

/// Authenticator data by itself.
pub(super) fn read(bytes: &[u8]) -> Result<Fit, Stuck> {
    let mut odd = Vec::new();
    let parsed = parse(bytes, &mut odd)?;
    // Any 37 bytes could be authenticator data; only what the flags announce tells where it ends.
    if parsed.rest > 0 && !parsed.announced {
        return Err(Stuck::at(
            0,
            format!("flags announce nothing, and yet {} follow the first 37", size(parsed.rest)),
        ));
    }
    Ok(Fit { kind: Kind::AuthenticatorData, tree: parsed.lines, odd, rest: parsed.rest })
}

/// Authenticator data inside something else: where it does not parse, that is odd, and no more.
pub(super) fn node(label: &str, bytes: &[u8], odd: &mut Vec<String>) -> (Node, Option<Parsed>) {
    match parse(bytes, odd) {
        Ok(mut parsed) => {
            if parsed.rest > 0 {
                odd.push(format!("{} after the end of {label}", size(parsed.rest)));
            }
            let lines = std::mem::take(&mut parsed.lines);
            (Node::holder(label, bytes.len(), lines), Some(parsed))
        }
        Err(stuck) => {
            odd.push(format!("{label} is no authenticator data: {stuck}"));
            (Node::bytes(label, bytes), None)
        }
    }
}

/// Reads authenticator data by its flags.
pub(super) fn parse(bytes: &[u8], odd: &mut Vec<String>) -> Result<Parsed, Stuck> {
    let (rp_id_hash, rest) =
        bytes.split_first_chunk::<32>().ok_or_else(|| Stuck::at(bytes.len(), "ends within rpIdHash"))?;
    let (flags, rest) = rest.split_first().ok_or_else(|| Stuck::at(32, "ends before the flags"))?;
    let (count, mut rest) =
        rest.split_first_chunk::<4>().ok_or_else(|| Stuck::at(bytes.len(), "ends within signCount"))?;
    let (flags, count) = (Flags(*flags), u32::from_be_bytes(*count));
    let mut noticed = Vec::new();
    let mut lines = vec![
        Node::new("rpIdHash", hex::encode(rp_id_hash)).note("SHA-256 of the RP ID"),
        Node::new("flags", flags.to_string()).with(flag_lines(flags)),
        Node::new("signCount", count.to_string()),
    ];
    check_flags(flags, &mut noticed);
    if count == 0 {
        noticed.push("signCount is 0: this authenticator does not count, so a clone cannot be noticed (usual for phones)".into());
    }
    let position = |rest: &[u8]| bytes.len() - rest.len();
    let attested = if flags.contains(Flags::AT) {
        let at = position(rest);
        let (attested, node, after) = attested(rest, flags, &mut noticed).map_err(|stuck| stuck.after(at))?;
        lines.push(node);
        rest = after;
        Some(attested)
    } else {
        None
    };
    if flags.contains(Flags::ED) {
        let item = cbor::item(rest)
            .map_err(|stuck| Stuck::at(position(rest) + stuck.at, format!("extensions: {}", stuck.why)))?;
        if !item.value.is_map() {
            return Err(Stuck::at(
                position(rest),
                format!("extensions are {}, not a map", cbor::kind_of(&item.value)),
            ));
        }
        item.check("the extension map", &mut noticed);
        lines.push(extensions("extensions", &item.value, &mut noticed));
        rest = item.rest;
    }
    odd.append(&mut noticed);
    let announced = flags.contains(Flags::AT) || flags.contains(Flags::ED);
    Ok(Parsed { attested, lines, announced, rest: rest.len() })
}

fn flag_lines(flags: Flags) -> Vec<Node> {
    let flag = |bit: Flags, name: &str, yes: &str, no: &str| {
        let set = flags.contains(bit);
        Node::new(name, if set { "1" } else { "0" }).note(if set { yes } else { no })
    };
    vec![
        flag(Flags::UP, "UP", "the user was present", "the user was not present"),
        flag(Flags::UV, "UV", "the user was verified", "the user was not verified"),
        flag(Flags::BE, "BE", "may be backed up: a synced passkey", "stays on one device"),
        flag(Flags::BS, "BS", "is backed up", "is not backed up"),
        flag(Flags::AT, "AT", "attested credential data follows", "no attested credential data"),
        flag(Flags::ED, "ED", "extensions follow", "no extensions"),
    ]
}

fn check_flags(flags: Flags, odd: &mut Vec<String>) {
    if !flags.contains(Flags::UP) {
        odd.push("UP is not set: nobody was asked".into());
    }
    if !flags.contains(Flags::UV) {
        odd.push("UV is not set: the user was not verified".into());
    }
    if flags.contains(Flags::BS) && !flags.contains(Flags::BE) {
        odd.push("BS without BE: backed up, though it may not be (WebAuthn Level 3 §6.1.3)".into());
    }
    if flags.0 & 0x22 != 0 {
        odd.push(format!("reserved flags are set: 0x{:02X}", flags.0 & 0x22));
    }
}

fn attested<'a>(
    bytes: &'a [u8],
    flags: Flags,
    odd: &mut Vec<String>,
) -> Result<(Attested, Node, &'a [u8]), Stuck> {
    let (aaguid, rest) =
        bytes.split_first_chunk::<16>().ok_or_else(|| Stuck::at(bytes.len(), "ends within the AAGUID"))?;
    let (length, rest) = rest
        .split_first_chunk::<2>()
        .ok_or_else(|| Stuck::at(bytes.len(), "ends within the length of the credential ID"))?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, rest) = rest.split_at_checked(length).ok_or_else(|| {
        Stuck::at(
            bytes.len(),
            format!("the credential ID claims {}, and there are {}", size(length), rest.len()),
        )
    })?;
    let at = bytes.len() - rest.len();
    let item =
        cbor::item(rest).map_err(|stuck| Stuck::at(at + stuck.at, format!("public key: {}", stuck.why)))?;
    if !item.value.is_map() {
        return Err(Stuck::at(at, format!("the public key is {}, not a map", cbor::kind_of(&item.value))));
    }
    let aaguid = Aaguid(*aaguid);
    check_model(aaguid, flags, odd);
    check_id(id, odd);
    let lines = vec![
        aaguid_node("aaguid", aaguid),
        Node::bytes("credentialId", id).note_if(id.starts_with(MARK).then_some("made by fauxkey")),
        cose::from_item("credentialPublicKey", &item, odd),
    ];
    let node = Node::holder("attestedCredentialData", at + item.length, lines);
    Ok((Attested { aaguid, credential_id: id.into(), public_key: item.value }, node, item.rest))
}

/// An AAGUID with its friendly name.
pub(super) fn aaguid_node(label: &str, aaguid: Aaguid) -> Node {
    let note = match aaguids::model(aaguid) {
        Some(model) => model.name,
        None if aaguid == Aaguid::ZERO => "zero: the model is not told",
        None => "a model without a name here",
    };
    Node::new(label, aaguid.to_string()).note(note)
}

fn check_model(aaguid: Aaguid, flags: Flags, odd: &mut Vec<String>) {
    let Some(model) = aaguids::model(aaguid) else { return };
    match (model.kept, flags.contains(Flags::BE)) {
        (Kept::OnOneDevice, true) => {
            odd.push(format!("BE is set, and {} keeps its passkeys on one device", model.name));
        }
        (Kept::InAnAccount, false) => {
            odd.push(format!("BE is not set, and {} keeps its passkeys in an account", model.name))
        }
        _ => {}
    }
}

/// What a credential ID tells by itself.
pub(super) fn check_id(id: &[u8], odd: &mut Vec<String>) {
    if id.starts_with(MARK) {
        odd.push("the credential ID begins with fauxkey1: made by fauxkey, a software authenticator that protects nothing".into());
    }
    if id.is_empty() {
        odd.push("the credential ID is empty".into());
    } else if id.len() < 16 {
        odd.push(format!(
            "the credential ID has {}, and needs at least 16 (WebAuthn Level 3 §4)",
            size(id.len())
        ));
    } else if id.len() > LONGEST_ID {
        odd.push(format!(
            "the credential ID has {}, and may have {LONGEST_ID} (WebAuthn Level 3 §6.5.1)",
            size(id.len())
        ));
    }
}

/// An extension map as it stands in authenticator data or a CTAP request.
pub(super) fn extensions(label: &str, value: &Value, odd: &mut Vec<String>) -> Node {
    let Some(members) = value.as_map() else {
        odd.push(format!("{label} are {}, not a map", cbor::kind_of(value)));
        return cbor::node(label, value);
    };
    if members.is_empty() {
        odd.push(format!("{label} are present, but empty"));
        return Node::new(label, "{}");
    }
    let mut lines = Vec::with_capacity(members.len());
    for (key, value) in members {
        let line = cbor::node(cbor::key_text(key), value);
        let name = key.as_text().unwrap_or_default();
        let meaning = names::authenticator_extension(name);
        if meaning.is_none() {
            odd.push(format!("unknown extension {}", cbor::key_text(key)));
        }
        let level =
            value.as_integer().filter(|_| name == "credProtect").and_then(|n| names::cred_protect(n.into()));
        lines.push(line.note_if(level.or(meaning)));
    }
    Node::new(label, super::tree::count(members.len(), "extension")).with(lines)
}
