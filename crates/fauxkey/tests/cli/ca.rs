//! The test CA from the command line: shown, exported, rotated, and what a relying party makes of it.
use super::{Home, ORIGIN, creation_options};
use relying_party::{
    AttestationPolicy, AttestationType, Conveyance, RegistrationExpectation, RelyingParty, Step,
};
use serde_json::{Value, json};
use wire::base64url;
use wire::webauthn::json::{self as webauthn, CreationOptions, RegistrationResponse};

/// A moment at which the certificates are valid: 2027-01-15.
const TODAY: u64 = 1_800_000_000;

fn certificate(shown: &Value) -> Vec<u8> {
    base64url::decode(shown["certificate"].as_str().unwrap()).unwrap()
}

/// The DER in PEM.
fn blocks(pem: &str) -> Vec<Vec<u8>> {
    let blocks = pem.split("-----BEGIN CERTIFICATE-----\n").skip(1);
    let text = |block: &str| block.split("\n-----END").next().unwrap().replace('\n', "");
    let plain = |text: String| text.replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned();
    blocks.map(|block| base64url::decode(&plain(text(block))).unwrap()).collect()
}

/// Registers by the command line, and asks a relying party that trusts these roots.
fn register(home: &Home, device: &str, conveyance: Conveyance, roots: &[Vec<u8>]) -> Result<Value, Step> {
    let mut options = creation_options("ada@example.test");
    options["attestation"] = conveyance.as_str().into();
    let more = ["webauthn", "create", "--origin", ORIGIN, "--device", device, "--link", "usb"];
    let options_read: CreationOptions = webauthn::from_value(options.clone()).unwrap();
    options["authenticatorSelection"]["userVerification"] = "discouraged".into();
    options["authenticatorSelection"]["residentKey"] = "discouraged".into();
    let printed = home.run_with(&more, &options.to_string()).done().stdout;
    let response: RegistrationResponse =
        webauthn::from_value(serde_json::from_str(&printed).unwrap()).unwrap();
    let party = RelyingParty {
        attestation: AttestationPolicy {
            conveyance,
            trust_anchors: roots.to_vec(),
            now: Some(TODAY),
            ..AttestationPolicy::default()
        },
        origins: vec![ORIGIN.into()],
        ..RelyingParty::new("example.test")
    };
    let mut expected = RegistrationExpectation::of(&options_read, &|_| false);
    expected.user_verification = relying_party::UserVerification::Discouraged;
    let registered = party.verify_registration(&expected, &response).map_err(|rejection| rejection.step)?;
    assert_eq!(registered.attestation, AttestationType::Basic);
    Ok(json!({ "fmt": registered.fmt, "aaguid": registered.aaguid.to_string() }))
}

#[test]
fn what_is_exported_is_what_a_relying_party_needs_to_accept_the_attestation() {
    let home = Home::new();
    for (device, profile) in [("phone", "ms-authenticator-ios+packed"), ("key", "security-key+fido-u2f")] {
        home.run(&["device", "add", device, "--profile", profile]).done();
    }
    let exported = home.run(&["ca", "export"]).done().stdout;
    let roots = blocks(&exported);
    assert_eq!(roots.len(), 1, "{exported}");
    let packed = register(&home, "phone", Conveyance::Direct, &roots).unwrap();
    assert_eq!(packed, json!({ "fmt": "packed", "aaguid": "90a3ccdf-635c-4729-a248-9b709135078f" }));
    let u2f = register(&home, "key", Conveyance::Direct, &roots).unwrap();
    assert_eq!(u2f, json!({ "fmt": "fido-u2f", "aaguid": "00000000-0000-0000-0000-000000000000" }));

    let shown = home.json(&["ca", "show"]);
    assert_eq!(certificate(&shown["root"]), roots[0]);
    let leaves = shown["leaves"].as_array().unwrap();
    assert_eq!(leaves.iter().map(|leaf| &leaf["kind"]).collect::<Vec<_>>(), ["batch", "u2f"]);
    let text = home.run(&["ca", "show"]).done().stdout;
    assert!(text.contains("software keys protect nothing"), "{text}");
    assert!(text.contains(shown["root"]["fingerprint"].as_str().unwrap()), "{text}");

    // The same as DER, into a file, and with the model's own certificate before it.
    home.run(&["ca", "export", "--der", "--out", "root.der"]).done();
    assert_eq!(std::fs::read(home.folder.path().join("root.der")).unwrap(), roots[0]);
    for model in ["90a3ccdf-635c-4729-a248-9b709135078f", "ms-authenticator-ios+packed"] {
        let chain = blocks(&home.run(&["ca", "export", "--chain", model]).done().stdout);
        assert_eq!(chain, [certificate(&leaves[0]), roots[0].clone()], "{model}");
    }
    home.run(&["ca", "export", "--chain", "security-key"]).refused(
        1,
        "fauxkey: the test CA has certified no model security-key\n\
         hint: a profile whose attestation is packed or fido-u2f gets a certificate, such as NAME+packed\n",
    );
}

#[test]
fn after_a_rotation_the_old_root_vouches_for_nothing_new() {
    let home = Home::new();
    home.run(&["device", "add", "key", "--profile", "all-in"]).done();
    let before = blocks(&home.run(&["ca", "export"]).done().stdout);
    register(&home, "key", Conveyance::Direct, &before).unwrap();
    home.run(&["ca", "rotate"]).refused(
        1,
        "fauxkey: cannot ask without a terminal: make a new root? relying parties that trust this one refuse what \
         comes after\nhint: give --yes\n",
    );
    home.run(&["ca", "rotate", "--yes"]).done();
    let after = blocks(&home.run(&["ca", "export"]).done().stdout);
    assert_ne!(before, after);
    assert_eq!(register(&home, "key", Conveyance::Direct, &before).unwrap_err(), Step::AttestationChain);
    register(&home, "key", Conveyance::Direct, &after).unwrap();
    let kinds = home.json(&["ca", "show"])["leaves"].as_array().unwrap().len();
    assert_eq!(kinds, 3, "packed, U2F, and the one device's");
    home.run(&["device", "delete", "key", "--yes"]).done();
    let leaves = home.json(&["ca", "show"])["leaves"].clone();
    assert!(leaves.as_array().unwrap().iter().all(|leaf| leaf["kind"] != "enterprise"), "{leaves}");
}
