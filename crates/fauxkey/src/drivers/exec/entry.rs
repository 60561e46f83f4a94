//! What stands in the folder for one device.
use super::Place;
use crate::drivers::hid::{BUS_USB, device_name};
use crate::files;
use emulator::profile::UsbIdentity;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use transport::ctaphid::REPORT_DESCRIPTOR;

/// `crates/preload/src/bus.rs` says why.
const MAJOR: u32 = 4095;

/// A device's files, which are made anew each time it comes.
pub(super) struct Entry {
    place: Place,
    number: u32,
    name: String,
    uevent: String,
    /// Attributes of the USB device that it is.
    usb: [(&'static str, String); 4],
    socket: PathBuf,
}

impl Entry {
    pub(super) fn new(place: &Place, number: u32, name: &str, identity: &UsbIdentity, socket: &Path) -> Self {
        let (vendor, product) = (identity.vendor_id, identity.product_id);
        // A uevent has a line for each value.
        let one_line = |text: &str| text.replace(['\n', '\r', '\0'], " ");
        // As drivers/hid/hid-core.c, `hid_uevent`, has it.
        let uevent = format!(
            "DRIVER=hid-generic\nHID_ID={BUS_USB:04X}:{vendor:08X}:{product:08X}\nHID_NAME={}\nHID_PHYS=\n\
             HID_UNIQ=fauxkey-{}-{}\nMODALIAS=hid:b{BUS_USB:04X}g0001v{vendor:08X}p{product:08X}\n",
            one_line(&device_name(identity)),
            std::process::id(),
            one_line(name),
        );
        // libfido2 1.6, Debian 11's, leaves devices out that are not on USB or lack one of the two names.
        let usb = [
            ("idVendor", format!("{vendor:04x}")),
            ("idProduct", format!("{product:04x}")),
            ("manufacturer", one_line(&identity.manufacturer)),
            ("product", one_line(&identity.product)),
        ];
        Self { place: place.clone(), number, name: name.into(), uevent, usb, socket: socket.into() }
    }

    /// While it is made, while it is there, and while it is removed.
    pub(super) fn paths(&self) -> [PathBuf; 3] {
        let number = self.number;
        [format!(".hidraw{number}.new"), format!("hidraw{number}"), format!(".hidraw{number}.old")]
            .map(|name| self.place.bus().join(name))
    }

    /// Makes the files aside, and lets the device come.
    pub(super) fn show(&self) -> io::Result<()> {
        let ([draft, there, _], number) = (self.paths(), self.number);
        clear(&draft)?;
        let hid = draft.join("hid");
        let hidraw = hid.join(format!("hidraw/hidraw{number}"));
        files::make_folder(&hidraw)?;
        fs::write(draft.join("name"), format!("{}\n", self.name))?;
        // As the kernel has it, a text that a device does not have is no file.
        for (file, text) in self.usb.iter().filter(|(_, text)| !text.is_empty()) {
            fs::write(draft.join(file), format!("{text}\n"))?;
        }
        symlink(&self.socket, draft.join("socket"))?;
        fs::write(hid.join("uevent"), &self.uevent)?;
        fs::write(hid.join("report_descriptor"), REPORT_DESCRIPTOR)?;
        fs::write(hidraw.join("dev"), format!("{MAJOR}:{number}\n"))?;
        let uevent = format!("MAJOR={MAJOR}\nMINOR={number}\nDEVNAME=hidraw{number}\n");
        fs::write(hidraw.join("uevent"), uevent)?;
        symlink("../..", hidraw.join("device"))?;
        self.place.give(&draft)?;
        fs::rename(draft, there)
    }

    /// Lets the device go, and removes its files.
    pub(super) fn hide(&self) -> io::Result<()> {
        let [_, there, gone] = self.paths();
        clear(&gone)?;
        match fs::rename(there, &gone) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => clear(&gone),
        }
    }
}

fn clear(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
