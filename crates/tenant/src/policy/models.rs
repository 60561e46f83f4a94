//! Names of models by AAGUID: those that are built in, and readers for lists that a user gives.
use crate::settings::Settings;
use serde_json::Value;
use std::collections::BTreeMap;
use wire::aaguid::Aaguid;

const fn aaguid(number: u128) -> Aaguid {
    Aaguid(number.to_be_bytes())
}

/// Microsoft Authenticator on iOS. In no public list of models.
pub const AUTHENTICATOR_IOS: Aaguid = aaguid(0x90a3ccdf_635c_4729_a248_9b709135078f);
/// Microsoft Authenticator on Android. In no public list of models.
pub const AUTHENTICATOR_ANDROID: Aaguid = aaguid(0xde1e552d_db1d_4423_a619_566b625cdc84);
/// Windows Hello: in hardware, protected by virtualization, in software.
pub const WINDOWS_HELLO: [Aaguid; 3] = [
    aaguid(0x08987058_cadc_4b81_b6e1_30de50dcbe96),
    aaguid(0x9ddd1817_af5a_4672_a2b9_3e3dd95000a9),
    aaguid(0x6028b017_b1d4_4c02_b4b3_afcdafc96bb2),
];

/// Names that Microsoft's documentation, the FIDO Metadata Service or the vendors use.
const BUILT_IN: [(Aaguid, &str); 17] = [
    (AUTHENTICATOR_IOS, "Microsoft Authenticator for iOS"),
    (AUTHENTICATOR_ANDROID, "Microsoft Authenticator for Android"),
    (WINDOWS_HELLO[0], "Windows Hello Hardware Authenticator"),
    (WINDOWS_HELLO[1], "Windows Hello VBS Hardware Authenticator"),
    (WINDOWS_HELLO[2], "Windows Hello Software Authenticator"),
    (aaguid(0xcb69481e_8ff7_4039_93ec_0a2729a154a8), "YubiKey 5 Series (fw 5.1)"),
    (aaguid(0xee882879_721c_4913_9775_3dfcce97072a), "YubiKey 5 Series (fw 5.2, 5.4)"),
    (aaguid(0xfa2b99dc_9e39_4257_8f92_4a30d23c4118), "YubiKey 5 Series with NFC (fw 5.1)"),
    (aaguid(0x2fc0579f_8113_47ea_b116_bb5a8db9202a), "YubiKey 5 Series with NFC (fw 5.2, 5.4)"),
    (aaguid(0x42b4fb4a_2866_43b2_9bf7_6c6669c2e5d3), "Google Titan Security Key v2"),
    (aaguid(0x77010bd7_212a_4fc9_b236_d2ca5e9d4084), "Feitian BioPass FIDO2 Authenticator"),
    (aaguid(0x7e3f3d30_3557_4442_bdae_139312178b39), "RSA DS100"),
    (aaguid(0xfbfc3007_154e_4ecc_8c0b_6e020557d7bd), "Apple Passwords (iCloud Keychain)"),
    (aaguid(0xdd4ec289_e01d_41c9_bb89_70fa845d4bf2), "iCloud Keychain (Managed)"),
    (aaguid(0xea9b8d66_4d01_1d21_3ce4_b6b48cb575d4), "Google Password Manager"),
    (aaguid(0xd3452668_01fd_4c12_926c_83a4204853aa), "Microsoft Password Manager"),
    (aaguid(0xbada5566_a7aa_401f_bd96_45619a55120d), "1Password"),
];

/// Whether it is one of the two of Microsoft Authenticator.
pub fn is_authenticator(aaguid: Aaguid) -> bool {
    [AUTHENTICATOR_IOS, AUTHENTICATOR_ANDROID].contains(&aaguid)
}

/// Whether it is one of the three of Windows Hello.
pub fn is_windows_hello(aaguid: Aaguid) -> bool {
    WINDOWS_HELLO.contains(&aaguid)
}

/// The built-in name.
pub fn built_in(aaguid: Aaguid) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == aaguid).map(|(_, name)| *name)
}

/// All built-in names.
pub fn built_in_names() -> impl Iterator<Item = (Aaguid, &'static str)> {
    BUILT_IN.into_iter()
}

/// The name of a model: the built-in one, or else that of [`Settings::model_names`].
pub fn friendly(aaguid: Aaguid, settings: &Settings) -> Option<String> {
    let given = || settings.model_names.get(&aaguid.to_string()).cloned();
    built_in(aaguid).map(str::to_owned).or_else(given)
}

/// A list of names that does not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableNames {
    /// It is not what it should be.
    #[error("{at}: expected {expected}")]
    Expected {
        /// Where.
        at: String,
        /// What.
        expected: &'static str,
    },
    /// It is the signed text, which has to be decoded first.
    #[error(
        "this is a signed metadata BLOB, and the decoded payload is expected: the JSON with the list \"entries\""
    )]
    Signed,
}

fn expected(at: impl Into<String>, expected: &'static str) -> UnreadableNames {
    UnreadableNames::Expected { at: at.into(), expected }
}

/// Names out of the decoded payload of the FIDO Metadata Service 3: `entries[].aaguid` and
/// `metadataStatement.description`. Entries without an AAGUID, those of U2F and UAF, are passed over. For
/// [`Settings::model_names`].
///
/// # Errors
/// If it is no such payload.
pub fn names_from_mds(payload: &Value) -> Result<BTreeMap<String, String>, UnreadableNames> {
    if payload.as_str().is_some_and(|text| text.starts_with("eyJ")) {
        return Err(UnreadableNames::Signed);
    }
    let entries = payload.get("entries").and_then(Value::as_array);
    let entries = entries.ok_or_else(|| expected("entries", "a list"))?;
    let mut names = BTreeMap::new();
    for (i, entry) in entries.iter().enumerate() {
        let Some(aaguid) = entry.get("aaguid") else { continue };
        let aaguid = read(aaguid).ok_or_else(|| expected(format!("entries[{i}].aaguid"), "an AAGUID"))?;
        let Some(statement) = entry.get("metadataStatement") else { continue };
        let name = statement.get("description").and_then(Value::as_str);
        let at = || format!("entries[{i}].metadataStatement.description");
        names.insert(aaguid, name.ok_or_else(|| expected(at(), "text"))?.to_owned());
    }
    Ok(names)
}

/// Names out of the community's list of passkey providers: an object of AAGUIDs, each with a `name`. It may be
/// empty, as its authors say that it will be one day. For [`Settings::model_names`].
///
/// # Errors
/// If it is no such object.
pub fn names_from_community_list(list: &Value) -> Result<BTreeMap<String, String>, UnreadableNames> {
    let list = list.as_object().ok_or_else(|| expected("the list", "an object of AAGUIDs"))?;
    let mut names = BTreeMap::new();
    for (key, model) in list {
        // The schema's own reference.
        if key == "$schema" {
            continue;
        }
        let at: String = key.chars().take(60).collect();
        let aaguid: Aaguid = key.parse().map_err(|_| expected(at.clone(), "an AAGUID"))?;
        let name = model.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| expected(format!("{at}.name"), "text"))?;
        names.insert(aaguid.to_string(), name.to_owned());
    }
    Ok(names)
}

fn read(value: &Value) -> Option<String> {
    value.as_str()?.parse::<Aaguid>().ok().map(|aaguid| aaguid.to_string())
}
