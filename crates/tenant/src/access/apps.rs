//! Applications that everybody's tenant has, by the IDs under which conditional access knows them.
use crate::guid::Guid;

/// An application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct App {
    /// `appId`.
    pub id: Guid,
    /// The name in logs and lists.
    pub name: &'static str,
}

const fn id(high: u128) -> Guid {
    Guid(high.to_be_bytes())
}

/// Where people end up who just sign in to Office.
pub const OFFICE_HOME: App = App { id: id(0x4765_445b_32c6_49b0_83e6_1d93_7652_76ca), name: "OfficeHome" };

/// What the Authenticator app asks access to when it registers a passkey. To exclude it from policies on all
/// resources is Microsoft's own cure for the registration loop.
pub const MICROSOFT_AUTHENTICATOR_CREDENTIAL_REGISTRATION: App = App {
    id: id(0x6aa0_0308_ea33_4caa_90d6_ae90_5d8c_b51b),
    name: "Microsoft Authenticator Credential Registration",
};

/// The site that My Security Info is a page of: `mysignins.microsoft.com`, as public lists of Microsoft's own
/// applications have it.
pub const MY_SIGNINS: App = App { id: id(0x19db_86c3_b2b9_44cc_b339_36da_233a_3be2), name: "My Signins" };

/// All of them.
pub const WELL_KNOWN: [App; 3] = [OFFICE_HOME, MICROSOFT_AUTHENTICATOR_CREDENTIAL_REGISTRATION, MY_SIGNINS];

/// The name of an application, if it is one of those.
pub fn name(id: Guid) -> Option<&'static str> {
    WELL_KNOWN.iter().find(|app| app.id == id).map(|app| app.name)
}
