//! WebAuthn JSON: what a page, its server and Microsoft Graph exchange.
use super::tree::{Node, count, quoted, size, word};
use super::{Fit, Kind, Stuck, attestation, authenticator_data, client_data, cose, ctap, names, options};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use wire::base64url;
use wire::webauthn::Ceremony;
use wire::webauthn::json::{self as webauthn, AuthenticationResponse, Base64Url, RegistrationResponse};

/// How many entries of one array or object are shown.
const MOST: usize = 500;

/// A JSON document of WebAuthn.
pub(super) fn read(text: &[u8]) -> Result<Fit, Stuck> {
    // Bytes that were decoded may begin with a byte order mark.
    let json = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(Stuck::at(0, "no JSON object"));
    }
    let document: Value = serde_json::from_slice(json)
        .map_err(|error| Stuck::near(format!("the JSON does not parse: {error}")))?;
    let mut odd = Vec::new();
    let (kind, tree) = document_lines(&document, text, &mut odd)?;
    Ok(Fit { kind, tree, odd, rest: 0 })
}

/// Tells the documents apart by the members that only they have.
fn document_lines(document: &Value, text: &[u8], odd: &mut Vec<String>) -> Result<(Kind, Vec<Node>), Stuck> {
    let has = |name: &str| document.get(name).is_some();
    if let Some(credential) = document.get("publicKeyCredential") {
        return Ok((Kind::GraphRegistration, graph_registration(document, credential, odd)?));
    }
    if let Some(inner) = document.get("publicKey").filter(|inner| inner.is_object()) {
        let graph = has("challengeTimeoutDateTime") || has("@odata.context");
        let (kind, lines) = document_lines(inner, b"", odd)?;
        let kind = if graph && kind == Kind::CreationOptions { Kind::GraphCreationOptions } else { kind };
        let outer = document.as_object().into_iter().flatten().filter(|(name, _)| *name != "publicKey");
        let mut tree: Vec<Node> = outer.map(|(name, value)| node(name, value)).collect();
        tree.push(Node::new("publicKey", "").with(lines));
        return Ok((kind, tree));
    }
    if let Some(response) = document.get("response") {
        if response.get("attestationObject").is_some() {
            return Ok((Kind::RegistrationResponse, registration(document, odd)?));
        }
        if response.get("signature").is_some() || response.get("authenticatorData").is_some() {
            return Ok((Kind::AuthenticationResponse, authentication(document, odd)?));
        }
        return Err(Stuck::near("response has neither attestationObject nor signature"));
    }
    if has("type") && has("challenge") && has("origin") {
        // Out of an outer document there is no text of its own; client data never stands in one.
        let own = if text.is_empty() { document.to_string().into_bytes() } else { text.into() };
        return Ok((Kind::ClientData, client_data::lines(&own, odd)?.0));
    }
    if has("rp") || has("pubKeyCredParams") || has("user") {
        return Ok((Kind::CreationOptions, options::creation(document, odd)?));
    }
    if has("challenge") {
        return Ok((Kind::RequestOptions, options::request(document, odd)?));
    }
    let members =
        document.as_object().into_iter().flatten().take(5).map(|(name, _)| word(name)).collect::<Vec<_>>();
    Err(Stuck::near(format!("JSON with the members {} is nothing of WebAuthn", members.join(", "))))
}

/// Reads a document by its type, and says what is odd about its text: members that the type does not have, and
/// bytes in another dialect than base64url.
pub(super) fn typed<T: DeserializeOwned + Serialize>(
    document: &Value,
    odd: &mut Vec<String>,
) -> Result<T, Stuck> {
    let read: T = webauthn::from_value(document.clone()).map_err(|error| Stuck::near(error.to_string()))?;
    if let Ok(written) = serde_json::to_value(&read) {
        differences(document, &written, "", odd);
    }
    Ok(read)
}

fn differences(given: &Value, written: &Value, path: &str, odd: &mut Vec<String>) {
    match (given, written) {
        (Value::Object(given), Value::Object(written)) => {
            for (name, value) in given {
                let path = if path.is_empty() { word(name) } else { format!("{path}.{}", word(name)) };
                match written.get(name) {
                    Some(written) => differences(value, written, &path, odd),
                    // What is empty or null is left out when writing.
                    None if value.is_null() || *value == json!([]) || *value == json!({}) => {}
                    None => odd.push(format!("unknown member {path}")),
                }
            }
        }
        (Value::Array(given), Value::Array(written)) => {
            for (i, (given, written)) in given.iter().zip(written).enumerate() {
                differences(given, written, &format!("{path}[{i}]"), odd);
            }
        }
        (Value::String(given), Value::String(written)) if given != written => {
            let what = match (given.contains(['+', '/']), given.contains('=')) {
                (true, _) => "standard base64",
                (false, true) => "padded base64url",
                (false, false) => "in another form",
            };
            odd.push(format!("{path} is {what}, and WebAuthn JSON is unpadded base64url"));
        }
        _ => {}
    }
}

fn registration(document: &Value, odd: &mut Vec<String>) -> Result<Vec<Node>, Stuck> {
    let credential: RegistrationResponse = typed(document, odd)?;
    let response = &credential.response;
    let (client, _) =
        client_data::node("clientDataJSON", &response.client_data_json.0, Ceremony::CREATE, odd);
    let (object, parsed, auth_data) =
        attestation::node("attestationObject", &response.attestation_object.0, odd);
    let mut inner = vec![client, object];
    if let Some(Base64Url(bytes)) = &response.authenticator_data {
        let same = auth_data.as_ref() == Some(bytes);
        inner.push(Node::new("authenticatorData", size(bytes.len())).note(if same {
            "as in the attestation object"
        } else {
            ""
        }));
        if !same {
            odd.push("authenticatorData is not that of the attestation object".into());
        }
    }
    inner.push(transports("transports", &response.transports, odd));
    if let Some(Base64Url(key)) = &response.public_key {
        inner.push(Node::bytes("publicKey", key).note("SubjectPublicKeyInfo"));
    }
    let attested = parsed.and_then(|parsed| parsed.attested);
    if let Some(alg) = response.public_key_algorithm {
        inner.push(Node::new("publicKeyAlgorithm", names::algorithm(alg.into())));
        let of_key = attested.as_ref().and_then(|attested| cose::algorithm_of(&attested.public_key));
        if let Some(of_key) = of_key.filter(|of_key| *of_key != i128::from(alg)) {
            let (told, key) = (names::algorithm(alg.into()), names::algorithm(of_key));
            odd.push(format!("alg mismatch: publicKeyAlgorithm is {told}, and the key is for {key}"));
        }
    }
    if attested.is_some_and(|attested| attested.credential_id != credential.raw_id.0) {
        odd.push("rawId is not the credential ID in authenticator data".into());
    }
    let outer = Outer {
        id: &credential.id,
        raw_id: &credential.raw_id.0,
        kind: &credential.kind,
        attachment: credential.authenticator_attachment.as_deref(),
        results: &credential.client_extension_results,
    };
    Ok(outer.lines(inner, odd))
}

fn authentication(document: &Value, odd: &mut Vec<String>) -> Result<Vec<Node>, Stuck> {
    let credential: AuthenticationResponse = typed(document, odd)?;
    let response = &credential.response;
    let (client, _) = client_data::node("clientDataJSON", &response.client_data_json.0, Ceremony::GET, odd);
    let mut inner = vec![
        client,
        ctap::assertion_data("authenticatorData", &response.authenticator_data.0, odd),
        Node::bytes("signature", &response.signature.0).note(ctap::signature(&response.signature.0)),
    ];
    if let Some(Base64Url(handle)) = &response.user_handle {
        inner.push(Node::bytes("userHandle", handle).note_if(ctap::entra_tenant(handle)));
        ctap::check_user_id(handle, odd);
    }
    authenticator_data::check_id(&credential.raw_id.0, odd);
    let outer = Outer {
        id: &credential.id,
        raw_id: &credential.raw_id.0,
        kind: &credential.kind,
        attachment: credential.authenticator_attachment.as_deref(),
        results: &credential.client_extension_results,
    };
    Ok(outer.lines(inner, odd))
}

/// What both kinds of credential have around their response.
struct Outer<'a> {
    id: &'a str,
    raw_id: &'a [u8],
    kind: &'a str,
    attachment: Option<&'a str>,
    results: &'a Map<String, Value>,
}

impl Outer<'_> {
    fn lines(&self, response: Vec<Node>, odd: &mut Vec<String>) -> Vec<Node> {
        if self.id != base64url::encode(self.raw_id) {
            odd.push("id is not rawId in base64url".into());
        }
        if self.kind != "public-key" {
            odd.push(format!("type is {}, not public-key", quoted(self.kind)));
        }
        let mut lines =
            vec![Node::text("id", self.id), Node::bytes("rawId", self.raw_id), Node::text("type", self.kind)];
        if let Some(attachment) = self.attachment {
            if !matches!(attachment, "platform" | "cross-platform") {
                odd.push(format!(
                    "authenticatorAttachment is {}, neither platform nor cross-platform",
                    quoted(attachment)
                ));
            }
            lines.push(Node::text("authenticatorAttachment", attachment));
        }
        lines.push(extensions("clientExtensionResults", self.results, odd));
        lines.push(Node::new("response", "").with(response));
        lines
    }
}

/// The body that is posted to Microsoft Graph: a registration response without `rawId` and `type`.
fn graph_registration(
    document: &Value,
    credential: &Value,
    odd: &mut Vec<String>,
) -> Result<Vec<Node>, Stuck> {
    let mut whole = credential.clone();
    if let Some(members) = whole.as_object_mut() {
        let id = members.get("id").cloned().unwrap_or_default();
        // Graph takes the names in any case, and leaves these two out.
        members.entry("rawId").or_insert(id);
        members.entry("type").or_insert_with(|| "public-key".into());
        if let Some(response) = members.get_mut("response").and_then(Value::as_object_mut)
            && let Some(data) = response.remove("clientDataJson")
        {
            response.insert("clientDataJSON".into(), data);
        }
    }
    let mut lines = registration(&whole, odd)?;
    lines.retain(|line| credential.get(&line.label).is_some());
    let outer = document.as_object().into_iter().flatten().filter(|(name, _)| *name != "publicKeyCredential");
    let mut tree: Vec<Node> = outer.map(|(name, value)| node(name, value)).collect();
    tree.push(Node::new("publicKeyCredential", "").with(lines));
    Ok(tree)
}

/// A list of transports.
pub(super) fn transports(label: &str, transports: &[String], odd: &mut Vec<String>) -> Node {
    for transport in transports.iter().filter(|transport| !names::TRANSPORTS.contains(&transport.as_str())) {
        odd.push(format!("unknown transport {}", quoted(transport)));
    }
    let texts = transports.iter().map(|transport| word(transport)).collect::<Vec<_>>();
    Node::new(label, if texts.is_empty() { "none told".into() } else { texts.join(", ") })
}

/// Extension inputs or results.
pub(super) fn extensions(label: &str, extensions: &Map<String, Value>, odd: &mut Vec<String>) -> Node {
    if extensions.is_empty() {
        return Node::new(label, "{}");
    }
    let mut lines = Vec::with_capacity(extensions.len());
    for (name, value) in extensions {
        let meaning = names::client_extension(name);
        if meaning.is_none() {
            odd.push(format!("unknown extension {}", word(name)));
        }
        lines.push(node(name, value).note_if(meaning));
    }
    Node::new(label, count(extensions.len(), "extension")).with(lines)
}

/// Any JSON value as lines.
pub(super) fn node(label: &str, value: &Value) -> Node {
    match value {
        Value::String(text) => Node::text(label, text),
        Value::Array(items) if !items.is_empty() => {
            let shown = items.iter().take(MOST).enumerate().map(|(i, item)| node(&format!("[{i}]"), item));
            Node::new(label, count(items.len(), "element")).with(shown.chain(more(items.len())).collect())
        }
        Value::Object(members) if !members.is_empty() => {
            let shown = members.iter().take(MOST).map(|(name, value)| node(name, value));
            Node::new(label, count(members.len(), "member")).with(shown.chain(more(members.len())).collect())
        }
        leaf => Node::new(label, leaf.to_string()),
    }
}

fn more(length: usize) -> Option<Node> {
    (length > MOST).then(|| Node::new("…", format!("{} more", length - MOST)))
}
