//! Scripts and faults out of files and arguments, and `fauxkey device fault`.
use super::{Reached, choose, input};
use crate::cli::{Approval, FaultSource, FaultVerb};
use crate::control::{ArmedFault, Control, Failure, FailureKind, Fault, Script, User};
use crate::output::Output;
use emulator::faults::Kind;
use emulator::profile::InvalidToml;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::Path;

/// A file of faults.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultFile {
    /// Decides where something is left to chance.
    pub seed: Option<u64>,
    /// In the order in which they are armed.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// Reads TOML, or JSON if the name ends so.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let input = input::file(path)?;
    let text = input.text()?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let invalid = |why: String, hint: Option<String>| Failure {
        kind: FailureKind::Invalid,
        message: format!("{}: {why}", input.name),
        hint,
    };
    if is_json {
        return serde_json::from_str(text).map_err(|error| invalid(error.to_string(), None));
    }
    toml::from_str(text).map_err(|error| {
        let error = InvalidToml::new(text, &error);
        invalid(error.to_string(), error.hint.clone())
    })
}

/// All faults of the arguments, and the seed if a file says one.
pub(super) fn faults(sources: &[FaultSource]) -> Result<FaultFile, Failure> {
    let mut all = FaultFile::default();
    for source in sources {
        match source {
            FaultSource::One(fault) => all.faults.push(fault.clone()),
            FaultSource::File(path) => {
                let file: FaultFile = read(path)?;
                all.seed = file.seed.or(all.seed);
                all.faults.extend(file.faults);
            }
        }
    }
    Ok(all)
}

/// From now on the user does this.
pub(super) fn approve(control: &dyn Control, device: &str, approval: &Approval) -> Result<(), Failure> {
    match approval {
        Approval::Policy(policy) => control.set_user(device, User::from(*policy)).map(drop),
        Approval::Script(path) => play(control, device, path),
    }
}

/// The user follows the script in a file.
pub(super) fn play(control: &dyn Control, device: &str, path: &Path) -> Result<(), Failure> {
    let script: Script = read(path)?;
    control
        .set_script(device, Some(script))
        .map_err(|failure| Failure { message: format!("{}: {}", path.display(), failure.message), ..failure })
}

pub(super) fn fault(output: &Output, control: &Reached, verb: FaultVerb) -> Result<(), super::Stop> {
    match verb {
        FaultVerb::Kinds => {
            let kinds: Vec<[String; 2]> =
                Kind::ALL.iter().map(|kind| [kind.to_string(), kind.about()]).collect();
            output.result(&kinds, || output.table(["FAULT", "WHAT IT DOES"], &kinds))?;
        }
        FaultVerb::Arm { faults: sources, on } => {
            let device = choose(&**control, &on)?.name;
            control.running(&device, "no fault can be armed on it")?;
            let file = faults(&sources)?;
            if file.seed.is_some() {
                return Err(Failure::new(FailureKind::Invalid, "a seed is for the start of a run")
                    .hint("give the file to `fauxkey run --fault`, or leave the seed out")
                    .into());
            }
            let armed = file.faults.into_iter().map(|fault| control.arm(&device, fault));
            let armed = armed.collect::<Result<Vec<_>, _>>()?;
            list(output, &armed)?;
        }
        FaultVerb::List { on } => {
            let device = choose(&**control, &on)?.name;
            list(output, &control.faults(&device)?)?;
        }
        FaultVerb::Clear { id, on } => {
            let device = choose(&**control, &on)?.name;
            control.disarm(&device, id)?;
            output.inform(&match id {
                Some(id) => format!("disarmed fault {id} on {device}"),
                None => format!("disarmed every fault on {device}"),
            });
        }
    }
    Ok(())
}

fn list(output: &Output, armed: &[ArmedFault]) -> io::Result<()> {
    output.result(&armed, || {
        if armed.is_empty() {
            return "no fault is armed".into();
        }
        let row =
            |armed: &ArmedFault| [armed.id.to_string(), armed.fault.to_string(), armed.struck.to_string()];
        let rows: Vec<_> = armed.iter().map(row).collect();
        output.table(["ID", "FAULT", "STRUCK"], &rows)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_of_faults_is_toml_or_json_and_a_mistake_in_it_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            FaultSource::File(path)
        };
        let toml = write("a.toml", "seed = 7\n[[faults]]\nfault = \"drop-frame\"\nchance = 5\n");
        let json = write("b.json", r#"{"faults":[{"fault":"status","value":39}]}"#);
        let typed = FaultSource::One("bad-signature".parse().unwrap());
        let all = faults(&[toml, json, typed]).unwrap();
        let texts: Vec<String> = all.faults.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["drop-frame,chance=5", "status=39", "bad-signature"]);
        assert_eq!(all.seed, Some(7));
        for (name, text, why) in [
            ("c.toml", "[[faults]]\nfalt = 1", "c.toml: line 2: unknown field `falt`"),
            ("d.toml", "[[faults]]\nfault = \"x\"", "d.toml: line 2: unknown variant `x`"),
            ("e.json", "{", "e.json: EOF while parsing"),
        ] {
            let failure = faults(&[write(name, text)]).unwrap_err();
            assert!(failure.message.contains(why), "{failure}");
        }
    }
}
