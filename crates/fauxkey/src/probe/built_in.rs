//! Descriptions that come with the program.

/// A description: its name, and its text.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// What it is called on the command line.
    pub name: &'static str,
    /// TOML.
    pub text: &'static str,
}

/// All of them.
pub const ALL: [BuiltIn; 5] = [
    BuiltIn { name: "simplewebauthn", text: include_str!("../../targets/simplewebauthn.toml") },
    BuiltIn { name: "py_webauthn", text: include_str!("../../targets/py_webauthn.toml") },
    BuiltIn { name: "conformance", text: include_str!("../../targets/conformance.toml") },
    BuiltIn { name: "java-webauthn-server", text: include_str!("../../targets/java-webauthn-server.toml") },
    BuiltIn { name: "fido2-net-lib", text: include_str!("../../targets/fido2-net-lib.toml") },
];

/// The one with that name.
pub fn named(name: &str) -> Option<BuiltIn> {
    ALL.into_iter().find(|built_in| built_in.name == name)
}
