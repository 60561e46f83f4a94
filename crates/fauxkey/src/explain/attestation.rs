//! Attestation objects, WebAuthn Level 3 §6.5.4, and the statements of §8.
use super::authenticator_data::Parsed;
use super::cbor::{self, text_member};
use super::tree::{Node, count, word};
use super::{Fit, Kind, Stuck, authenticator_data, certificate, cose, names};
use wire::aaguid::Aaguid;
use wire::cbor::Value;

/// An attestation object by itself.
pub(super) fn read(bytes: &[u8]) -> Result<Fit, Stuck> {
    let mut odd = Vec::new();
    let (tree, _, rest) = parse(bytes, &mut odd)?;
    Ok(Fit { kind: Kind::AttestationObject, tree, odd, rest })
}

/// An attestation object inside something else.
pub(super) fn node(
    label: &str,
    bytes: &[u8],
    odd: &mut Vec<String>,
) -> (Node, Option<Parsed>, Option<Vec<u8>>) {
    match parse(bytes, odd) {
        Ok((lines, parsed, rest)) => {
            if rest > 0 {
                odd.push(format!("{} after the end of {label}", super::tree::size(rest)));
            }
            let auth_data = cbor::item(bytes)
                .ok()
                .and_then(|item| Some(text_member(&item.value, "authData")?.as_bytes()?.clone()));
            (Node::holder(label, bytes.len(), lines), parsed, auth_data)
        }
        Err(stuck) => {
            odd.push(format!("{label} is no attestation object: {stuck}"));
            (Node::bytes(label, bytes), None, None)
        }
    }
}

fn parse(bytes: &[u8], odd: &mut Vec<String>) -> Result<(Vec<Node>, Option<Parsed>, usize), Stuck> {
    let members = [("fmt", "text"), ("attStmt", "a map"), ("authData", "a byte string")];
    let begins = |(key, _): (Value, Value)| members.iter().any(|(name, _)| key.as_text() == Some(name));
    let no_map = || Stuck::at(0, "no map with fmt, attStmt and authData");
    let item = cbor::item(bytes)
        .map_err(|stuck| if cbor::first_member(bytes).is_some_and(begins) { stuck } else { no_map() })?;
    let present = |name: &str| text_member(&item.value, name);
    let near = members.iter().any(|(name, _)| present(name).is_some());
    for (name, kind) in members {
        let why = match present(name) {
            None => format!("{name} is absent"),
            Some(value) if cbor::kind_of(value) != kind => {
                format!("{name} is {}, not {kind}", cbor::kind_of(value))
            }
            Some(_) => continue,
        };
        return Err(if near { Stuck::near(why) } else { no_map() });
    }
    let (Some(fmt), Some(statement), Some(auth_data)) = (
        present("fmt").and_then(Value::as_text),
        present("attStmt"),
        present("authData").and_then(Value::as_bytes),
    ) else {
        return Err(no_map());
    };
    item.check("the attestation object", odd);
    let (lines, parsed) = parts(fmt, Some(statement), auth_data, odd);
    let known = |name: &str| members.iter().any(|(member, _)| *member == name);
    let others =
        item.value.as_map().into_iter().flatten().filter(|(key, _)| !key.as_text().is_some_and(known));
    let mut lines = Vec::from(lines);
    for (key, value) in others {
        let key = cbor::key_text(key);
        odd.push(format!(
            "the attestation object has a member {key}, which WebAuthn Level 3 §6.5.4 does not have"
        ));
        lines.push(cbor::node(key, value));
    }
    Ok((lines, parsed, item.rest.len()))
}

/// The three members that attestation objects and makeCredential responses have in common.
pub(super) fn parts(
    fmt: &str,
    statement: Option<&Value>,
    auth_data: &[u8],
    odd: &mut Vec<String>,
) -> ([Node; 3], Option<Parsed>) {
    let (data, parsed) = authenticator_data::node("authData", auth_data, odd);
    let attested = parsed.as_ref().and_then(|parsed| parsed.attested.as_ref());
    if parsed.is_some() && attested.is_none() {
        odd.push(
            "authenticator data of a registration has no attested credential data (AT is not set)".into(),
        );
    }
    let statement_of = Statement {
        fmt,
        aaguid: attested.map(|attested| attested.aaguid),
        credential_alg: attested.and_then(|attested| cose::algorithm_of(&attested.public_key)),
    };
    let empty = Value::Map(Vec::new());
    let statement = statement_of.node(statement.unwrap_or(&empty), odd);
    let meaning = names::statement_format(fmt);
    if meaning.is_none() {
        odd.push(format!("attestation statement format {} has no name here", word(fmt)));
    }
    let fmt = Node::text("fmt", fmt).note_if(meaning);
    ([fmt, statement, data], parsed)
}

/// What a statement is about.
pub(super) struct Statement<'a> {
    /// Its format.
    pub(super) fmt: &'a str,
    /// The model in authenticator data.
    pub(super) aaguid: Option<Aaguid>,
    credential_alg: Option<i128>,
}

impl Statement<'_> {
    fn node(&self, statement: &Value, odd: &mut Vec<String>) -> Node {
        let Some(members) = statement.as_map() else {
            odd.push(format!("attStmt is {}, not a map", cbor::kind_of(statement)));
            return cbor::node("attStmt", statement);
        };
        self.check(statement, odd);
        if members.is_empty() {
            return Node::new("attStmt", "{}");
        }
        let line = |(key, value): &(Value, Value), odd: &mut Vec<String>| match (key.as_text(), value) {
            (Some("alg"), Value::Integer(n)) => Node::new("alg", names::algorithm((*n).into())),
            (Some(list @ ("x5c" | "caCert")), Value::Array(certificates)) => {
                self.certificates(list, certificates, odd)
            }
            _ => cbor::node(cbor::key_text(key), value),
        };
        let lines = members.iter().map(|member| line(member, odd)).collect();
        Node::new("attStmt", count(members.len(), "member")).with(lines)
    }

    fn certificates(&self, label: &str, certificates: &[Value], odd: &mut Vec<String>) -> Node {
        let mut lines = Vec::with_capacity(certificates.len());
        for (i, certificate) in certificates.iter().enumerate() {
            let label = format!("{label}[{i}]");
            lines.push(match certificate.as_bytes() {
                Some(der) => certificate::node(&label, der, i == 0, self, odd),
                None => cbor::node(label, certificate),
            });
        }
        Node::new(label, count(certificates.len(), "certificate")).with(lines)
    }

    /// What is odd about a statement, by its format. Signatures are not verified.
    fn check(&self, statement: &Value, odd: &mut Vec<String>) {
        let has = |name| text_member(statement, name).is_some();
        let chain = text_member(statement, "x5c").and_then(Value::as_array);
        let alg = text_member(statement, "alg").and_then(Value::as_integer).map(i128::from);
        let mut wanted: &[&str] = &[];
        match self.fmt {
            "none" if statement.as_map().is_some_and(|members| !members.is_empty()) => {
                odd.push("fmt is none, and attStmt is not empty (WebAuthn Level 3 §8.7)".into());
            }
            "packed" => {
                wanted = &["alg", "sig"];
                if has("ecdaaKeyId") {
                    odd.push("ecdaaKeyId was removed from WebAuthn in Level 2".into());
                } else if !has("x5c") {
                    odd.push("packed self statement: signed by the credential itself, so it proves nothing about the model".into());
                    if let (Some(alg), Some(credential)) = (alg, self.credential_alg)
                        && alg != credential
                    {
                        let (alg, credential) = (names::algorithm(alg), names::algorithm(credential));
                        odd.push(format!("alg mismatch: the self statement says {alg}, and the credential is for {credential} (WebAuthn Level 3 §8.2)"));
                    }
                } else if chain.is_none_or(|chain| chain.is_empty()) {
                    odd.push("x5c holds no certificate".into());
                }
            }
            "fido-u2f" => {
                wanted = &["sig", "x5c"];
                if chain.is_some_and(|chain| chain.len() != 1) {
                    odd.push("x5c of fido-u2f holds exactly one certificate (WebAuthn Level 3 §8.6)".into());
                }
                if self.aaguid.is_some_and(|aaguid| aaguid != Aaguid::ZERO) {
                    odd.push("fido-u2f goes with a zero AAGUID, and this one is not zero".into());
                }
            }
            "tpm" => wanted = &["ver", "alg", "x5c", "sig", "certInfo", "pubArea"],
            "android-key" => wanted = &["alg", "sig", "x5c"],
            "apple" => wanted = &["x5c"],
            _ => {}
        }
        for name in wanted.iter().filter(|name| !has(name)) {
            odd.push(format!("attStmt of {} has no {name}", self.fmt));
        }
        if self.aaguid == Some(Aaguid::ZERO) && !matches!(self.fmt, "none" | "fido-u2f") {
            odd.push(format!("the AAGUID is zero, and yet there is a {} statement", word(self.fmt)));
        }
    }
}
