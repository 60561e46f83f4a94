//! `fauxkey tenant serve`, and what kind of tenant is meant.
use crate::api;
use crate::cli::{Behaviour, Challenges, Counter, Kind, Serve};
use crate::commands::input;
use crate::commands::{Context, Exit, Stop};
use crate::control::{Control, Failure, FailureKind};
use crate::files;
use crate::instance::Instance;
use crate::output::Tone;
use crate::process::{Parent, on_signal};
use crate::tenant::host::Arrangement;
use crate::tenant::serve::serve as serve_tenant;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// How often it is asked whether the parent is still there.
const PARENT_CHECK: Duration = Duration::from_millis(250);

pub(super) fn serve(context: &Context, arguments: &Serve) -> Result<Exit, Stop> {
    let output = context.output;
    let parent = arguments.exit_with_parent.then(Parent::now);
    let (wake, woken) = mpsc::channel();
    let signal = move || {
        // Nobody waits any more at the very end.
        let _ended = wake.send(());
    };
    on_signal(signal)
        .map_err(|error| Failure::new(FailureKind::Broken, format!("cannot catch signals: {error}")))?;
    let home = (!arguments.ephemeral).then_some(&context.home);
    let instance = Arc::new(match home {
        Some(home) => Instance::open(home)?,
        None => Instance::ephemeral(None)?,
    });
    let arrangement = arrangement(&instance, &arguments.kind)?;
    let served = api::serve(instance.clone(), home, api::Listen::default())?;
    let tenant = serve_tenant(&instance, home, Some(arguments.listen), served.token.clone(), &arrangement)?;
    output.say(&format!("Tenant: {}", tenant.url()));
    output.say(&format!("Admin:  {}", tenant.admin()));
    output.say_in(
        Tone::Loud,
        "A rehearsal, and no Microsoft service. Software keys protect nothing. Ctrl-C stops.",
    );
    let ready = json!({
        "pid": std::process::id(), "url": served.url, "tenant": tenant.url(), "token": served.token,
    });
    if let Some(file) = &arguments.ready_file {
        write_ready(file, &ready)?;
    }
    if output.json {
        output.document(&json!({ "tenant": tenant.url(), "url": served.url }))?;
    }
    loop {
        match woken.recv_timeout(PARENT_CHECK) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if parent.is_some_and(Parent::is_gone) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    drop(tenant);
    served.stop();
    instance.shutdown();
    if let Some(file) = &arguments.ready_file {
        let _gone = files::remove(file);
    }
    Ok(Exit::Done)
}

fn write_ready(file: &Path, ready: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(ready).expect("a value is JSON");
    let written = std::path::absolute(file).and_then(|file| files::replace(&file, &text));
    written.map_err(|error| files::refused("write", file, &error))
}

impl From<Behaviour> for tenant::Behaviour {
    fn from(behaviour: Behaviour) -> Self {
        match behaviour {
            Behaviour::Preview2024 => Self::Preview2024,
            Behaviour::Current => Self::Current,
        }
    }
}

/// What a tenant is to be.
pub(crate) fn arrangement(instance: &Instance, kind: &Kind) -> Result<Arrangement, Failure> {
    let mut arrangement = Arrangement {
        behaviour: kind.behaviour.map(Into::into),
        counter: kind.counter.map(|counter| match counter {
            Counter::Ignore => tenant::CounterMode::Ignore,
            Counter::W3c => tenant::CounterMode::W3c,
            Counter::Entra2026 => tenant::CounterMode::Entra2026,
        }),
        challenges: kind.challenges.map(|challenges| match challenges {
            Challenges::Once => tenant::ChallengeUse::Once,
            Challenges::Entra => tenant::ChallengeUse::Entra,
        }),
        propagation_delay: kind.propagation_delay,
        labels: kind.label.clone(),
        ..Arrangement::default()
    };
    for path in &kind.trust {
        if path == Path::new("test-ca") {
            arrangement.trust_anchors.push(instance.ca()?.root.certificate.0);
        } else {
            arrangement.trust_anchors.extend(certificates(path)?);
        }
    }
    for path in &kind.names {
        let input = input::file(path)?;
        let bad = |why: String| Failure::new(FailureKind::Invalid, format!("{}: {why}", input.name));
        let value: serde_json::Value =
            serde_json::from_slice(&input.bytes).map_err(|error| bad(format!("not JSON: {error}")))?;
        let names = if value.get("entries").is_some() {
            tenant::policy::names_from_mds(&value)
        } else {
            tenant::policy::names_from_community_list(&value)
        };
        arrangement.model_names.extend(names.map_err(|error| bad(error.to_string()))?);
    }
    Ok(arrangement)
}

/// The certificates of a file, or of the files of a folder.
fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(FailureKind::Invalid, format!("cannot read {}: {error}", path.display()))
    };
    if path.is_dir() {
        let mut found = Vec::new();
        let mut paths: Vec<_> = std::fs::read_dir(path)
            .map_err(unreadable)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|kind| ["pem", "crt", "cer", "der"].iter().any(|known| kind == *known))
            })
            .collect();
        paths.sort();
        for path in paths {
            found.extend(certificates(&path)?);
        }
        return Ok(found);
    }
    let input = input::file(path)?;
    let found = match std::str::from_utf8(&input.bytes) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => {
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
            found.ok().map(|found| found.iter().map(|der| der.to_vec()).collect())
        }
        _ => Some(vec![input.bytes]),
    };
    found.filter(|found| !found.is_empty()).ok_or_else(|| {
        Failure::new(FailureKind::Invalid, format!("{} holds no certificate", input.name))
            .hint("give one in PEM or DER")
    })
}
