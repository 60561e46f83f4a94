//! `fauxkey ca`: the test CA. There is no way to a private key here.
use super::{Context, Exit, Stop, confirm};
use crate::ca::pem;
use crate::cli::CaVerb;
use crate::control::{Certificate, CertificateKind, TestCa};
use crate::output::{Output, shown};
use serde_json::json;

pub(super) fn ca(context: &Context, verb: CaVerb) -> Result<Exit, Stop> {
    let output = &context.output;
    let control = context.reach()?;
    match verb {
        CaVerb::Show => {
            let ca = control.ca()?;
            output.result(&ca, || description(output, &ca))?;
        }
        CaVerb::Export { out, der, chain } => {
            let certificates = match chain {
                Some(model) => control.ca_chain(&model)?,
                None => vec![control.ca()?.root],
            };
            let bytes = match der {
                true => certificates.iter().flat_map(|one| one.certificate.0.clone()).collect(),
                false => certificates
                    .iter()
                    .map(|certificate| pem(&certificate.certificate.0))
                    .collect::<String>()
                    .into_bytes(),
            };
            match out {
                Some(path) => output.file(&path, &bytes)?,
                None if output.json => output.document(&json!({ "certificates": certificates }))?,
                None => output.bytes(&bytes)?,
            }
        }
        CaVerb::Rotate { yes } => {
            let question = "make a new root? relying parties that trust this one refuse what comes after";
            if !confirm(context, yes, question)? {
                return Ok(Exit::Found);
            }
            let ca = control.rotate_ca()?;
            output.result(&ca, || description(output, &ca))?;
        }
    }
    Ok(Exit::Done)
}

fn description(output: &Output, ca: &TestCa) -> String {
    let TestCa { root, leaves } = ca;
    let lines = [
        ("root", shown(&root.subject)),
        ("SHA-256", root.fingerprint.clone()),
        ("valid", format!("{} to {}", root.not_before, root.not_after)),
    ];
    let mut text = lines.map(|(what, value)| format!("{what:<9}{value}")).join("\n");
    if leaves.is_empty() {
        text.push_str("\n\nnothing certified yet; a device that attests by it is one with NAME+packed");
        return text;
    }
    let row = |leaf: &Certificate| {
        let kind = match leaf.kind {
            CertificateKind::Root => "root",
            CertificateKind::Batch => "batch",
            CertificateKind::U2f => "u2f",
            CertificateKind::Enterprise => "enterprise",
        };
        [
            kind.into(),
            leaf.aaguid.clone().unwrap_or_default(),
            leaf.device.clone().unwrap_or_default(),
            shown(&leaf.subject),
            leaf.fingerprint.chars().take(16).collect(),
        ]
    };
    let rows: Vec<_> = leaves.iter().map(row).collect();
    text.push_str("\n\n");
    text.push_str(&output.table(["KEY", "AAGUID", "DEVICE", "SUBJECT", "SHA-256"], &rows));
    text
}
