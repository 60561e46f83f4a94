//! `fauxkey exec --print-env`: for those who start programs themselves, as test harnesses do.
use super::{FOLDER, ONLY, PRELOAD, library};
use crate::commands::{Context, Exit, Stop};
use crate::control::{Control, Failure, FailureKind};
use crate::drivers::exec::{Place, bus_of};
use crate::files;
use crate::remote::Remote;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Prints the variables, one a line as `NAME=value`, or as a JSON object.
///
/// # Errors
/// If the library cannot be written where it stays, or if the instance that the environment names shows no devices.
pub(super) fn print(context: &Context, device: Option<&str>, library: &[u8]) -> Result<Exit, Stop> {
    let bus = bus(context)?;
    let folder = context.home.exec();
    let library = library::Installed::at(&None, &folder, library)?;
    if !library.stays() {
        let message = format!("programs cannot load libraries from {}", folder.display());
        return Err(Failure::new(FailureKind::Broken, message)
            .hint("set FAUXKEY_HOME to a folder of your own, not mounted noexec, with no space or colon in its path")
            .into());
    }
    let mut variables = vec![(PRELOAD, text(library.before(std::env::var_os(PRELOAD)).into())?)];
    variables.push((FOLDER, text(bus)?));
    // Without a device it is empty, which shows all: one that is set already is not to be in the way.
    variables.push((ONLY, device.unwrap_or_default().to_owned()));
    if context.output.json {
        let object: Map<String, Value> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        context.output.document(&object)?;
    } else {
        let lines: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        context.output.text(&lines.join("\n"))?;
    }
    Ok(Exit::Done)
}

/// Where the devices are, or will be.
fn bus(context: &Context) -> Result<PathBuf, Failure> {
    let Some(remote) = Remote::from_environment(&context.home)? else {
        let bus = Place::new(context.home.exec()).bus();
        // Programs that watch it before there is a device need it to be there.
        files::make_folder(&bus).map_err(|error| files::refused("make", &bus, &error))?;
        return Ok(bus);
    };
    let devices = remote.devices()?;
    let bus = devices.iter().flat_map(|device| &device.attached).find_map(|address| bus_of(address));
    bus.map(Path::to_path_buf).ok_or_else(|| {
        let message = format!("the instance at {} does not show its devices to programs", remote.url());
        Failure::new(FailureKind::Conflict, message).hint("start it with `fauxkey run --attach exec`")
    })
}

fn text(path: PathBuf) -> Result<String, Failure> {
    path.into_os_string().into_string().map_err(|path| {
        let message = format!("{} is not UTF-8, and cannot be printed", path.to_string_lossy());
        Failure::new(FailureKind::Broken, message).hint("set FAUXKEY_HOME to a folder with a plainer name")
    })
}
