//! Friendly names of the models that people meet most. A small table on purpose: it is complete for what
//! fauxkey imitates and for what an Entra tenant most often allows, and no more.
use wire::aaguid::Aaguid;

/// Where a model keeps its passkeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// On one device: BE must not be set.
    OnOneDevice,
    /// In an account: BE is expected.
    InAnAccount,
}

/// A model.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its AAGUID in 8-4-4-4-12 digits.
    pub aaguid: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Where it keeps its passkeys.
    pub kept: Kept,
    /// Who says so.
    pub source: &'static str,
}

/// Microsoft Learn, "Enable passkeys in Microsoft Authenticator". In no public list of AAGUIDs.
const AUTHENTICATOR: &str = "Microsoft Learn, how-to-enable-authenticator-passkey";
/// Microsoft Learn, "Sign in with a passkey on Windows", and the FIDO Metadata Service.
const WINDOWS: &str = "Microsoft Learn, how-to-authentication-entra-passkeys-on-windows; FIDO MDS";
/// Microsoft Learn, list of vendors, and the FIDO Metadata Service.
const VENDORS: &str = "Microsoft Learn, concept-fido2-hardware-vendor; FIDO MDS";
/// The passkey developers' list.
const COMMUNITY: &str = "github.com/passkeydeveloper/passkey-authenticator-aaguids";

macro_rules! models {
    ($($aaguid:literal $name:literal $kept:ident $source:ident;)*) => {
        /// Every model that has a name here.
        pub const MODELS: &[Model] =
            &[$(Model { aaguid: $aaguid, name: $name, kept: Kept::$kept, source: $source },)*];
    };
}

models! {
    "90a3ccdf-635c-4729-a248-9b709135078f" "Microsoft Authenticator for iOS" OnOneDevice AUTHENTICATOR;
    "de1e552d-db1d-4423-a619-566b625cdc84" "Microsoft Authenticator for Android" OnOneDevice AUTHENTICATOR;
    "08987058-cadc-4b81-b6e1-30de50dcbe96" "Windows Hello Hardware Authenticator" OnOneDevice WINDOWS;
    "9ddd1817-af5a-4672-a2b9-3e3dd95000a9" "Windows Hello VBS Hardware Authenticator" OnOneDevice WINDOWS;
    "6028b017-b1d4-4c02-b4b3-afcdafc96bb2" "Windows Hello Software Authenticator" OnOneDevice WINDOWS;
    "cb69481e-8ff7-4039-93ec-0a2729a154a8" "YubiKey 5 Series (firmware 5.1)" OnOneDevice VENDORS;
    "ee882879-721c-4913-9775-3dfcce97072a" "YubiKey 5 Series (firmware 5.2, 5.4)" OnOneDevice VENDORS;
    "fa2b99dc-9e39-4257-8f92-4a30d23c4118" "YubiKey 5 Series with NFC (firmware 5.1)" OnOneDevice VENDORS;
    "2fc0579f-8113-47ea-b116-bb5a8db9202a" "YubiKey 5 Series with NFC (firmware 5.2, 5.4)" OnOneDevice VENDORS;
    "42b4fb4a-2866-43b2-9bf7-6c6669c2e5d3" "Google Titan Security Key v2" OnOneDevice VENDORS;
    "77010bd7-212a-4fc9-b236-d2ca5e9d4084" "Feitian BioPass FIDO2 Authenticator" OnOneDevice VENDORS;
    "7e3f3d30-3557-4442-bdae-139312178b39" "RSA DS100" OnOneDevice VENDORS;
    "fbfc3007-154e-4ecc-8c0b-6e020557d7bd" "Apple Passwords (iCloud Keychain)" InAnAccount COMMUNITY;
    "dd4ec289-e01d-41c9-bb89-70fa845d4bf2" "iCloud Keychain (Managed)" InAnAccount COMMUNITY;
    "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4" "Google Password Manager" InAnAccount COMMUNITY;
    "d3452668-01fd-4c12-926c-83a4204853aa" "Microsoft Password Manager" InAnAccount COMMUNITY;
    "bada5566-a7aa-401f-bd96-45619a55120d" "1Password" InAnAccount COMMUNITY;
}

/// The model with that AAGUID.
pub fn model(aaguid: Aaguid) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.aaguid.parse() == Ok(aaguid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_aaguid_reads_and_stands_once() {
        let read: BTreeSet<Aaguid> = MODELS.iter().map(|model| model.aaguid.parse().unwrap()).collect();
        assert_eq!(read.len(), MODELS.len());
        for model in MODELS {
            assert_eq!(super::model(model.aaguid.parse().unwrap()).unwrap().name, model.name);
            assert!(!model.source.is_empty() && model.aaguid == model.aaguid.to_lowercase());
        }
        assert!(model(Aaguid::ZERO).is_none());
    }

    #[test]
    fn both_faces_of_microsoft_authenticator_have_names() {
        for (aaguid, system) in [
            ("90a3ccdf-635c-4729-a248-9b709135078f", "iOS"),
            ("de1e552d-db1d-4423-a619-566b625cdc84", "Android"),
        ] {
            let model = model(aaguid.parse().unwrap()).unwrap();
            assert_eq!(model.name, format!("Microsoft Authenticator for {system}"));
            assert_eq!(model.kept, Kept::OnOneDevice);
        }
    }
}
