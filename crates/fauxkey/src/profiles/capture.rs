//! A profile out of what a key answered to authenticatorGetInfo, as far as that says it.
use crate::control::{Failure, FailureKind};
use authenticator::longest_credential_id;
use authenticator::profile::{Extension, Untold};
use emulator::{DeviceProfile, profile};
use serde_json::Value as Json;
use std::fmt::{Display, Write};
use wire::cbor::{self, Value};
use wire::cose::Algorithm;
use wire::ctap2::{GetInfoResponse, Versions};
use wire::hex;

/// The members of getInfo by their names, as metadata statements and tools write them.
const MEMBERS: [(&str, i64); 31] = [
    ("versions", 0x01),
    ("extensions", 0x02),
    ("aaguid", 0x03),
    ("options", 0x04),
    ("maxMsgSize", 0x05),
    ("pinUvAuthProtocols", 0x06),
    ("maxCredentialCountInList", 0x07),
    ("maxCredentialIdLength", 0x08),
    ("transports", 0x09),
    ("algorithms", 0x0A),
    ("maxSerializedLargeBlobArray", 0x0B),
    ("forcePINChange", 0x0C),
    ("minPINLength", 0x0D),
    ("firmwareVersion", 0x0E),
    ("maxCredBlobLength", 0x0F),
    ("maxRPIDsForSetMinPINLength", 0x10),
    ("preferredPlatformUvAttempts", 0x11),
    ("uvModality", 0x12),
    ("certifications", 0x13),
    ("remainingDiscoverableCredentials", 0x14),
    ("vendorPrototypeConfigCommands", 0x15),
    ("attestationFormats", 0x16),
    ("uvCountSinceLastPinEntry", 0x17),
    ("longTouchForReset", 0x18),
    ("encIdentifier", 0x19),
    ("transportsForReset", 0x1A),
    ("pinComplexityPolicy", 0x1B),
    ("pinComplexityPolicyURL", 0x1C),
    ("maxPINLength", 0x1D),
    ("encCredStoreState", 0x1E),
    ("authenticatorConfigCommands", 0x1F),
];

/// Reads a captured answer: CBOR, with its status or without, as bytes or hexadecimal digits; or JSON, as the
/// `authenticatorGetInfo` of a metadata statement, alone or in its statement.
///
/// # Errors
/// Invalid if it is none of these.
pub fn read(origin: &str, bytes: &[u8]) -> Result<GetInfoResponse, Failure> {
    let invalid = |why: String| {
        Failure::new(FailureKind::Invalid, format!("{origin}: {why}"))
            .hint("CBOR, its hexadecimal digits, or the authenticatorGetInfo of a metadata statement as JSON")
    };
    let text = std::str::from_utf8(bytes).unwrap_or_default().trim();
    let cbor = if text.starts_with('{') {
        let json = serde_json::from_str(text).map_err(|error| invalid(format!("no JSON: {error}")))?;
        cbor::encode(&from_json(&json).map_err(invalid)?)
    } else {
        hexadecimal(text).unwrap_or_else(|| bytes.to_vec())
    };
    // A map of getInfo begins with 0xA0 or more, and a status that is no refusal is zero.
    let answer = if cbor.first() == Some(&0) { cbor } else { [&[0], cbor.as_slice()].concat() };
    GetInfoResponse::decode(&answer)
        .map_err(|error| invalid(format!("no answer to authenticatorGetInfo: {error}")))
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).filter(|bytes| !bytes.is_empty())
}

fn from_json(json: &Json) -> Result<Value, String> {
    let inside = json.get("metadataStatement").unwrap_or(json);
    let inside = inside.get("authenticatorGetInfo").unwrap_or(inside);
    let members = inside.as_object().ok_or("the JSON is no object")?;
    let mut map = Vec::new();
    for (name, member) in members {
        let Some((_, key)) = MEMBERS.iter().find(|(known, _)| known == name) else {
            return Err(format!("`{}` is no member of getInfo", name.escape_debug()));
        };
        let value = match name.as_str() {
            "aaguid" | "encIdentifier" | "encCredStoreState" => {
                let digits = member.as_str().map(|text| text.replace('-', ""));
                let bytes = digits.and_then(|digits| hexadecimal(&digits));
                bytes.map(cbor::bytes).ok_or_else(|| format!("{name} is not made of hexadecimal digits"))
            }
            _ => value(member).ok_or_else(|| format!("{name} has a value that no member of getInfo has")),
        };
        // A statement has an empty text where the value is another one each time.
        match value {
            Ok(value) => map.push((Value::from(*key), value)),
            Err(_) if name != "aaguid" && member.as_str() == Some("") => {}
            Err(why) => return Err(why),
        }
    }
    map.sort_by_key(|(key, _)| key.as_integer().and_then(|key| i64::try_from(key).ok()));
    Ok(Value::Map(map))
}

fn value(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64()?.into(),
        Json::String(text) => cbor::text(text.as_str()),
        Json::Array(items) => Value::Array(items.iter().map(value).collect::<Option<_>>()?),
        Json::Object(members) => {
            let members =
                members.iter().map(|(key, member)| Some((cbor::text(key.as_str()), value(member)?)));
            Value::Map(members.collect::<Option<_>>()?)
        }
        Json::Null => return None,
    })
}

/// The TOML of a profile that answers so, as far as it can be had here; what cannot is listed at its end.
pub fn profile(name: &str, origin: &str, info: &GetInfoResponse) -> String {
    Draft { text: String::new(), left_out: Vec::new(), info }.write(name, origin)
}

struct Draft<'a> {
    text: String,
    left_out: Vec<String>,
    info: &'a GetInfoResponse,
}

impl Draft<'_> {
    fn write(mut self, name: &str, origin: &str) -> String {
        let info = self.info;
        self.line(format!("# A key that was measured: its answer to authenticatorGetInfo, out of {origin}."));
        self.line("#\n# Each value says how it is known: measured, or guess (getInfo does not say it).\n#");
        self.line(format!("# Sources\n#   [G] {origin}\n"));
        self.line(format!("name = {}", quoted(name)));
        self.line(format!("title = {}", quoted(&format!("{name}, measured"))));
        self.measured("aaguid", quoted(&info.aaguid.to_string()), "0x03");
        self.guess("device-bound", true, "what a security key is");
        self.ctap();
        self.pin();
        self.line("\n[credential]");
        let packed = can("attestation = \"packed-self\"", "attestation = \"packed\"");
        let attestation = if packed { "packed" } else { "packed-self" };
        self.guess(
            "attestation",
            quoted(attestation),
            "what security keys do; here without a vendor's certificate",
        );
        self.guess("backup-eligible", false, "what a security key is");
        self.guess("backed-up", false, "what a security key is");
        self.guess("counter", quoted("global"), "what most security keys do");
        self.verification();
        self.line("\n[seen.hid]");
        self.measured("transports", list(&info.transports), "0x09");
        self.guess("attachment", quoted("cross-platform"), "browsers call every HID authenticator so");
        self.measured("platform", info.option("plat") == Some(true), "plat");
        self.line("\n[usb]");
        self.guess("vendor-id", "0x1209", "the pid.codes vendor for open projects");
        self.guess("product-id", "0xF1D0", "the FIDO usage page, as other test devices use");
        self.guess("manufacturer", quoted("fauxkey"), "plainly nobody's");
        self.guess("product", quoted(&format!("fauxkey: {name}")), "plainly nobody's");
        self.guess("device-version", "[0, 1, 0]", "CTAPHID_INIT tells it");
        if !self.left_out.is_empty() {
            let left_out = self.left_out.join(", ");
            self.line(format!("\n# Left out, as it cannot be had here: {left_out}."));
        }
        self.text
    }

    fn ctap(&mut self) {
        let info = self.info;
        let on = |option: &str| info.option(option) == Some(true);
        self.line("\n[ctap]");
        let versions = info.versions.clone();
        let versions = self.keep("version", &versions, |version| {
            let with = format!("versions = [\"FIDO_2_0\", \"{version}\"");
            let known = Versions::DEFINED.contains(&version);
            known && (version != "U2F_V2" || can("versions = [\"FIDO_2_0\"", &with))
        });
        self.measured("versions", list(&versions), "0x01");
        if let Some(firmware) = info.firmware_version {
            self.measured("firmware-version", firmware, "0x0E");
        }
        if !info.certifications.is_empty() {
            let pairs = info.certifications.iter().map(|(name, level)| format!("{} = {level}", quoted(name)));
            let pairs: Vec<String> = pairs.collect();
            self.measured("certifications", format!("{{ {} }}", pairs.join(", ")), "0x13");
        }
        self.algorithms();
        self.told("max-msg-size", info.max_msg_size, 1024, "0x05");
        self.told("max-credential-count-in-list", info.max_credential_count_in_list, 8, "0x07");
        let longest = u64::try_from(longest_credential_id(&info.algorithms)).unwrap_or(u64::MAX);
        let common = longest.max(192);
        match info.max_credential_id_length {
            Some(length) if length < longest => {
                let why = format!("{length} was measured, and IDs that are made here are longer");
                self.guess("max-credential-id-length", common, &why);
            }
            length => self.told("max-credential-id-length", length, common, "0x08"),
        }
        if on("rk") {
            self.told("discoverable", info.remaining_discoverable_credentials, 25, "0x14, or more");
        }
        let extensions = info.extensions.clone();
        // prf in the clear is for hybrid, and this is a device that is plugged in.
        let here = |extension: &&Extension| **extension != Extension::Prf;
        let known = |name: &str| Extension::ALL.iter().filter(here).any(|extension| extension.name() == name);
        let extensions = self.keep("extension", &extensions, known);
        self.measured("extensions", list(&extensions), "0x02");
        if let Some(length) = info.max_cred_blob_length {
            self.measured("max-cred-blob-length", length, "0x0F");
        }
        for (key, option) in [
            ("pin-uv-auth-token", "pinUvAuthToken"),
            ("no-mc-ga-permissions-with-client-pin", "noMcGaPermissionsWithClientPin"),
        ] {
            if on(option) {
                self.measured(key, true, option);
            }
        }
        // alwaysUv switches makeCredUvNotRqd off while it is on (CTAP 2.1 §6.4).
        match info.option("makeCredUvNotRqd") {
            Some(true) => self.measured("make-cred-uv-not-rqd", true, "makeCredUvNotRqd"),
            Some(false) if on("alwaysUv") => {
                self.guess("make-cred-uv-not-rqd", true, "told as false, which alwaysUv makes of it");
            }
            _ => {}
        }
        if let Some(always_uv) = info.option("alwaysUv") {
            self.measured("always-uv", always_uv, "alwaysUv");
        }
        let forms = [
            ("standard", "credMgmt"),
            ("preview", "credentialMgmtPreview"),
            ("persistent-read-only", "perCredMgmtRO"),
        ];
        let forms: Vec<&str> = forms.iter().filter(|(_, option)| on(option)).map(|(form, _)| *form).collect();
        self.measured(
            "credential-management",
            list(&forms),
            "credMgmt, credentialMgmtPreview, perCredMgmtRO",
        );
        if on("largeBlobs") {
            self.told("large-blobs", info.max_serialized_large_blob_array, 1024, "0x0B");
        }
        let commands = self.config_commands();
        self.measured(
            "config-commands",
            format!("{commands:?}"),
            "authnrCfg, alwaysUv, setMinPINLength, 0x18",
        );
        if !info.transports_for_reset.is_empty() {
            let transports = list(&info.transports_for_reset);
            self.measured("transports-for-reset", transports, "0x1A");
        }
        if info.enc_identifier.is_some() {
            self.measured("tells-identifier", true, "0x19");
        }
        if info.option("ep").is_some() {
            self.left_out.push("enterprise attestation".into());
        }
        self.untold(&commands);
    }

    /// The subcommands of authenticatorConfig that go with what is told.
    fn config_commands(&self) -> Vec<u8> {
        let info = self.info;
        let all = [
            (2, info.option("alwaysUv").is_some()),
            (3, info.option("setMinPINLength") == Some(true)),
            (4, info.long_touch_for_reset.is_some()),
        ];
        let configures = info.option("authnrCfg") == Some(true);
        all.into_iter().filter(|(_, there)| *there && configures).map(|(command, _)| command).collect()
    }

    fn algorithms(&mut self) {
        let names: Vec<String> = self
            .info
            .algorithms
            .iter()
            .map(|algorithm| algorithm.name().map_or_else(|| algorithm.0.to_string(), Into::into))
            .collect();
        if names.is_empty() {
            return self.guess("algorithms", list(&["ES256"]), "getInfo names none");
        }
        let made = |name: &str| {
            Algorithm::from_name(name).is_some_and(|algorithm| profile::ALGORITHMS.contains(&algorithm))
        };
        let names = self.keep("algorithm", &names, made);
        self.measured("algorithms", list(&names), "0x0A");
    }

    fn untold(&mut self, commands: &[u8]) {
        let info = self.info;
        let absent = |member: &Untold| match member {
            Untold::Plat => info.option("plat").is_none(),
            Untold::Up => info.option("up").is_none(),
            Untold::MaxCredentialCountInList => info.max_credential_count_in_list.is_none(),
            Untold::MaxCredentialIdLength => info.max_credential_id_length.is_none(),
            Untold::Algorithms => info.algorithms.is_empty(),
            Untold::ForcePinChange => info.force_pin_change.is_none(),
            Untold::MinPinLength => info.min_pin_length.is_none() && !commands.contains(&3),
            Untold::UvModality => info.uv_modality.is_none(),
            Untold::RemainingDiscoverableCredentials => info.remaining_discoverable_credentials.is_none(),
            Untold::AttestationFormats => info.attestation_formats.is_empty(),
            Untold::MaxPinLength => info.max_pin_length.is_none(),
        };
        let names: Vec<&str> = Untold::ALL.iter().filter(|m| absent(m)).map(|member| member.name()).collect();
        self.measured("untold", list(&names), "they are absent");
    }

    fn pin(&mut self) {
        let info = self.info;
        if info.option("clientPin").is_none() {
            return;
        }
        self.line("\n[pin]");
        self.measured("protocols", format!("{:?}", info.pin_uv_auth_protocols), "0x06");
        self.told("min-length", info.min_pin_length, 4, "0x0D");
        self.told("max-length", info.max_pin_length, 63, "0x1D");
        self.told("max-rp-ids", info.max_rp_ids_for_set_min_pin_length, 0, "0x10");
        if let Some(complexity) = info.pin_complexity_policy {
            self.measured("complexity", complexity, "0x1B");
        }
    }

    fn verification(&mut self) {
        let info = self.info;
        let fingers =
            ["bioEnroll", "userVerificationMgmtPreview"].map(|option| info.option(option).is_some());
        self.line("\n[user]");
        if fingers == [false, false] {
            let word = if info.option("uv").is_some() { "on-request" } else { "none" };
            return self.measured("verification", quoted(word), "uv");
        }
        self.measured("verification", quoted("enrollable"), "bioEnroll, userVerificationMgmtPreview");
        self.line("\n[fingers]");
        self.guess("capacity", 5, "getInfo does not tell it; bioEnrollment does");
        self.guess("samples", 4, "getInfo does not tell it; bioEnrollment does");
        self.measured("preview", !fingers[0], "bioEnroll");
    }

    /// What of a list can be had; the rest is remembered.
    fn keep(&mut self, kind: &str, all: &[String], can: impl Fn(&str) -> bool) -> Vec<String> {
        let (kept, rest): (Vec<String>, Vec<String>) = all.iter().cloned().partition(|name| can(name));
        self.left_out.extend(rest.into_iter().map(|name| format!("the {kind} {}", name.escape_debug())));
        kept
    }

    fn told(&mut self, key: &str, number: Option<u64>, otherwise: u64, member: &str) {
        match number {
            Some(number) => self.measured(key, number, member),
            None => self.guess(key, otherwise, "getInfo does not tell it"),
        }
    }

    fn measured(&mut self, key: &str, value: impl Display, member: &str) {
        self.line(format!("{key} = {value} # measured [G]: {member}"));
    }

    fn guess(&mut self, key: &str, value: impl Display, why: &str) {
        self.line(format!("{key} = {value} # guess: {why}"));
    }

    fn line(&mut self, line: impl Display) {
        writeln!(self.text, "{line}").expect("a String takes every text");
    }
}

/// Whether a profile could say so, tried with one that is known to be good.
fn can(line: &str, instead: &str) -> bool {
    let good = DeviceProfile::named("security-key").map(|profile| profile.source).unwrap_or_default();
    good.contains(line) && DeviceProfile::read("a trial", &good.replacen(line, instead, 1)).is_ok()
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

fn list(items: &[impl AsRef<str>]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = include_str!("../../../../fixtures/getinfo/real-devices.txt");

    fn captured(name: &str) -> GetInfoResponse {
        let block = REAL.split("\n\n").find(|block| block.contains(&format!("name: {name}\n"))).unwrap();
        let hex = block.lines().find_map(|line| line.strip_prefix("hex: ")).unwrap();
        read("a test", hex.as_bytes()).unwrap()
    }

    #[test]
    fn every_spelling_of_one_answer_is_read_alike() {
        let info = captured("Google Titan Security Key v2");
        let answer = info.encode();
        let spaced = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X} ")).collect::<String>();
        let json = r#"{ "authenticatorGetInfo": { "versions": ["FIDO_2_0", "U2F_V2"],
            "extensions": ["credProtect", "hmac-secret"], "aaguid": "42b4fb4a286643b29bf76c6669c2e5d3",
            "options": { "rk": true, "clientPin": false }, "maxMsgSize": 2200, "pinUvAuthProtocols": [1] } }"#;
        for spelling in [
            answer.clone(),
            answer[1..].to_vec(),
            spaced(&answer).into_bytes(),
            spaced(&answer[1..]).to_lowercase().into_bytes(),
            json.as_bytes().to_vec(),
        ] {
            assert_eq!(read("a test", &spelling).unwrap(), info);
        }
    }

    #[test]
    fn what_is_no_answer_is_refused_with_a_hint() {
        for wrong in ["", "hello", "{", "{}", r#"{"verisons": []}"#, "00", "01", "a0"] {
            let failure = read("x.cbor", wrong.as_bytes()).unwrap_err();
            assert!(
                failure.message.starts_with("x.cbor: ") && failure.hint.is_some(),
                "{wrong}: {failure:?}"
            );
        }
    }

    #[test]
    fn a_captured_key_becomes_a_profile_that_says_so_and_names_what_it_left_out() {
        let info = captured("YubiKey 5 NFC FIPS, firmware 5.7.4");
        let profile = DeviceProfile::read("mine", &profile("mine", "fips.cbor", &info)).unwrap();
        let claims = &profile.authenticator;
        assert_eq!(claims.aaguid, info.aaguid);
        assert_eq!(claims.versions, info.versions);
        assert_eq!(claims.pin.as_ref().unwrap().min_length, 8);
        assert_eq!((claims.always_uv, claims.make_cred_uv_not_rqd), (Some(true), true));
        assert_eq!(claims.config_commands, [2, 3]);
        assert_eq!(claims.certifications, info.certifications);
        assert_eq!(
            claims.untold,
            [Untold::ForcePinChange, Untold::UvModality, Untold::AttestationFormats, Untold::MaxPinLength]
        );
        let es384 = claims.algorithms.iter().any(|algorithm| algorithm.name() == Some("ES384"));
        assert_eq!(profile.source.contains("# Left out"), !es384, "{}", profile.source);
        for line in profile.source.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')) {
            let plain = line.starts_with("name") || line.starts_with("title");
            assert!(plain || line.contains("# measured [G]") || line.contains("# guess: "), "{line}");
        }
    }
}
