//! `fauxkey device`.
use super::{Context, Exit, Stop, choose, confirm, finger, pin, simulation};
use crate::cli::{Approval, CardPlace, DeviceVerb, OnDevice};
use crate::control::{Device, FailureKind};
use crate::output::Output;
use emulator::UserPolicy;

pub(super) fn device(context: &Context, verb: DeviceVerb) -> Result<Exit, Stop> {
    let output = &context.output;
    let control = context.reach()?;
    match verb {
        DeviceVerb::Add { name, profile } => {
            let device = control.add_device(&name, &profile)?;
            output.result(&device, || description(&device))?;
        }
        DeviceVerb::List => {
            let devices = control.devices()?;
            output.result(&devices, || table(output, &devices))?;
        }
        DeviceVerb::Show { name } => {
            let device = choose(&*control, &OnDevice { device: name })?;
            output.result(&device, || description(&device))?;
        }
        DeviceVerb::Delete { name, yes } => {
            // A device that cannot start, as its profile is gone, can be deleted all the same.
            let passkeys = match control.device(&name) {
                Ok(device) => its_passkeys(&device),
                Err(failure) if failure.kind == FailureKind::Broken => "its passkeys".into(),
                Err(failure) => return Err(failure.into()),
            };
            let question = format!("delete the device {name} and {passkeys} for good?");
            if !confirm(context, yes, &question)? {
                return Ok(Exit::Found);
            }
            control.delete_device(&name)?;
            output.inform(&format!("deleted {name}"));
        }
        DeviceVerb::Reset { name, yes } => {
            let device = control.device(&name)?;
            let question = format!("reset the device {name}: delete {} for good?", its_passkeys(&device));
            if !confirm(context, yes, &question)? {
                return Ok(Exit::Found);
            }
            control.reset_device(&name)?;
            output.inform(&format!("{name} is as it left the factory"));
        }
        DeviceVerb::Power { state, on } => {
            let device = choose(&*control, &on)?;
            control.running(&device.name, "it has no power to cut or give")?;
            let device = control.power(&device.name, state.into())?;
            output.result(&device, || description(&device))?;
        }
        DeviceVerb::Card { place, on } => {
            let device = choose(&*control, &on)?;
            control.running(&device.name, "it lies on no reader")?;
            let device = control.insert_card(&device.name, place == CardPlace::Insert)?;
            output.result(&device, || description(&device))?;
        }
        DeviceVerb::User { policy, on } => {
            let device = choose(&*control, &on)?;
            if let Approval::Script(_) = &policy {
                control.running(&device.name, "its user would forget the script at once")?;
            }
            simulation::approve(&*control, &device.name, &policy)?;
            let device = control.device(&device.name)?;
            output.result(&device, || description(&device))?;
        }
        DeviceVerb::Pin(verb) => pin::pin(output, &*control, verb)?,
        DeviceVerb::Finger(verb) => finger::finger(output, &*control, verb)?,
        DeviceVerb::Fault(verb) => simulation::fault(output, &control, verb)?,
        DeviceVerb::Clock { advance, on } => {
            let device = choose(&*control, &on)?;
            control.running(&device.name, "it has no clock")?;
            control.advance_clock(&device.name, advance)?;
            output.inform(&format!("the clock of {} jumped forward by {advance:?}", device.name));
        }
    }
    Ok(Exit::Done)
}

fn its_passkeys(device: &Device) -> String {
    match device.passkeys {
        0 => "everything on it".into(),
        1 => "its passkey".into(),
        several => format!("its {several} passkeys"),
    }
}

fn table(output: &Output, devices: &[Device]) -> String {
    if devices.is_empty() {
        return "no devices yet; make one with: fauxkey device add phone".into();
    }
    let row = |device: &Device| {
        [
            device.name.clone(),
            device.profile.clone(),
            device.passkeys.to_string(),
            if device.powered { "on" } else { "off" }.into(),
            UserPolicy::from(device.user).to_string(),
            device.attached.join(" "),
        ]
    };
    let rows: Vec<_> = devices.iter().map(row).collect();
    output.table(["NAME", "PROFILE", "PASSKEYS", "POWER", "USER", "ATTACHED"], &rows)
}

/// A device over several lines.
pub(super) fn description(device: &Device) -> String {
    let yes_no = |yes: bool| if yes { "yes" } else { "no" };
    let attached = if device.attached.is_empty() { "nowhere".into() } else { device.attached.join(", ") };
    let lines = [
        ("device", device.name.clone()),
        ("profile", format!("{} ({})", device.profile, device.title)),
        ("AAGUID", device.aaguid.clone()),
        ("power", if device.powered { "on" } else { "off" }.into()),
        ("user", UserPolicy::from(device.user).to_string()),
        ("passkeys", device.passkeys.to_string()),
        ("discoverable", yes_no(device.has_resident_key).into()),
        ("verifies its user", yes_no(device.has_user_verification).into()),
        ("backup eligible", yes_no(device.default_backup_eligibility).into()),
        ("backed up", yes_no(device.default_backup_state).into()),
        ("attached", attached),
    ];
    lines.map(|(what, value)| format!("{what:<18}{value}")).join("\n")
}
