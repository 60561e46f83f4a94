//! `fauxkey device finger`: what is enrolled on a device with a fingerprint reader.
use super::{Stop, choose};
use crate::cli::FingerVerb;
use crate::control::{Control, Finger};
use crate::output::{Output, shown};

pub(super) fn finger(output: &Output, control: &dyn Control, verb: FingerVerb) -> Result<(), Stop> {
    match verb {
        FingerVerb::List { on } => {
            let device = choose(control, &on)?;
            let fingers = control.fingers(&device.name)?;
            output.result(&fingers, || table(output, &device.name, &fingers))?;
        }
        FingerVerb::Add { name, on } => {
            let device = choose(control, &on)?;
            let finger = control.add_finger(&device.name, name)?;
            output.result(&finger, || line(&finger))?;
        }
        FingerVerb::Rename { finger, name, on } => {
            let device = choose(control, &on)?;
            let finger = control.rename_finger(&device.name, &finger, name)?;
            output.result(&finger, || line(&finger))?;
        }
        FingerVerb::Remove { finger, on } => {
            let device = choose(control, &on)?;
            control.remove_finger(&device.name, &finger)?;
            output.inform(&format!("{} has forgotten the finger {}", device.name, shown(&finger)));
        }
    }
    Ok(())
}

fn table(output: &Output, device: &str, fingers: &[Finger]) -> String {
    if fingers.is_empty() {
        return format!("no finger is enrolled on {device}");
    }
    let rows: Vec<_> = fingers.iter().map(|finger| [finger.id.clone(), name(finger)]).collect();
    output.table(["ID", "NAME"], &rows)
}

fn line(finger: &Finger) -> String {
    format!("{}  {}", finger.id, name(finger))
}

fn name(finger: &Finger) -> String {
    finger.name.as_deref().map_or_else(|| "(none)".into(), shown)
}
