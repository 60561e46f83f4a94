//! Metadata from the command line: its root, what is in it, and what is refused.
use super::Home;
use serde_json::{Value, json};
use wire::base64url;

/// What is in a JWT.
fn payload(blob: &str) -> Value {
    let part = blob.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap()
}

fn entry<'a>(payload: &'a Value, aaguid: &str) -> &'a Value {
    payload["entries"].as_array().unwrap().iter().find(|entry| entry["aaguid"] == aaguid).unwrap()
}

const YUBIKEY: &str = "ff4dac45-ede8-4ec2-aced-cf66103f4335";
const PHONE: &str = "90a3ccdf-635c-4729-a248-9b709135078f";

#[test]
fn a_blob_leads_to_the_root_that_ca_export_prints() {
    let home = Home::new();
    let arguments = ["mds", "yubikey-5c", "--out", "blob.jwt", "--root", "root.pem", "--no", "7"];
    home.run(&[&arguments[..], &["--next-update", "2030-01-31"]].concat()).done();
    let read = |name: &str| std::fs::read_to_string(home.folder.path().join(name)).unwrap();
    let (blob, root) = (read("blob.jwt"), read("root.pem"));
    assert_eq!(root, home.run(&["ca", "export"]).done().stdout);
    assert!(!blob.ends_with('\n'), "readers take the file as it is");
    let read = payload(&blob);
    assert_eq!((&read["no"], &read["nextUpdate"]), (&json!(7), &json!("2030-01-31")));
    let body: String = root.lines().filter(|line| !line.starts_with("-----")).collect();
    let statement = &entry(&read, YUBIKEY)["metadataStatement"];
    assert_eq!(statement["attestationRootCertificates"], json!([body]));
    let shown = home.json(&["mds", "yubikey-5c", "--no", "7", "--next-update", "2030-01-31"]);
    assert_eq!((&shown["payload"], &payload(shown["blob"].as_str().unwrap())), (&read, &read));
}

#[test]
fn without_names_there_is_one_entry_of_each_model_as_the_devices_of_the_home_are() {
    let home = Home::new();
    home.run(&["device", "add", "phone", "--profile", "ms-authenticator-ios+packed"]).done();
    let printed = home.run(&["mds", "--payload", "--status", "all-in=revoked@2026-01-31"]).done().stdout;
    let payload: Value = serde_json::from_str(&printed).unwrap();
    let aaguids: Vec<_> =
        payload["entries"].as_array().unwrap().iter().filter_map(|entry| entry["aaguid"].as_str()).collect();
    let mut once = aaguids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), aaguids.len(), "{aaguids:?}");
    let phone = entry(&payload, PHONE);
    assert_eq!(phone["metadataStatement"]["attestationTypes"], json!(["basic_full"]));
    assert_eq!(phone["statusReports"][0]["status"], "NOT_FIDO_CERTIFIED");
    let revoked = json!([{ "status": "REVOKED", "effectiveDate": "2026-01-31" }]);
    assert_eq!(payload["entries"][0]["statusReports"], revoked);
}

#[test]
fn what_is_not_there_is_refused_with_what_was_most_likely_meant() {
    let home = Home::new();
    home.run(&["mds", "yubikey-5d"])
        .refused(1, "fauxkey: there is no profile named `yubikey-5d`\nhint: did you mean `yubikey-5c`?\n");
    for (arguments, said) in [
        (
            &["mds", "all-in", "--status", "all-in=REVOKE"][..],
            "`REVOKE` is no status of metadata\nhint: did you mean REVOKED?\n",
        ),
        (
            &["mds", "all-in", "--status", "all-im=REVOKED"],
            "a status is reported of `all-im`, which is not in the BLOB\nhint: did you mean `all-in`?\n",
        ),
        (&["mds", "--next-update", "tomorrow"], "`tomorrow`: expected a day such as 2026-01-31\n"),
        (
            &["mds", "security-key", "security-key+packed"],
            "security-key+packed and security-key have one AAGUID, by which a BLOB has one entry\n\
             hint: leave one of them out\n",
        ),
    ] {
        home.run(arguments).refused(2, &format!("fauxkey: {said}"));
    }
}
