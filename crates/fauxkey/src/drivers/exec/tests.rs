//! The folder, as the library in a program reads it.
use super::*;
use crate::drivers::testing::{device, profile};
use crate::runtime::DeviceHandle;
use std::os::unix::fs::FileTypeExt;

struct Rig {
    path: PathBuf,
    handle: DeviceHandle,
    hid: Hid,
    folder: Arc<Folder>,
    _temporary: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("exec");
        let (handle, hid) = device();
        let folder = Folder::prepare(&Place::new(&path)).unwrap();
        Self { path, handle, hid, folder, _temporary: temporary }
    }

    fn attach(&self, name: &str) -> Exec {
        Exec::attach(&self.hid, &profile().usb, name, &self.folder).unwrap()
    }

    fn power(&self, on: bool) {
        let switch = move |device: &mut emulator::VirtualAuthenticator, now| match on {
            true => device.power_on(now).unwrap(),
            false => device.power_off(now),
        };
        self.handle.call(switch).unwrap();
        // What happened in one job is told before the next.
        self.handle.call(|_, _| ()).unwrap();
        self.hid.settle();
    }

    fn shown(&self) -> Vec<String> {
        let names = fs::read_dir(self.path.join("bus")).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_device_is_described_as_the_kernel_would() {
    let rig = Rig::new();
    let exec = rig.attach("phone");
    let bus = rig.path.join("bus");
    assert_eq!(exec.address(), format!("exec:{}/hidraw64", bus.display()));
    assert_eq!(bus_of(&exec.address()), Some(bus.as_path()));
    let hid = bus.join("hidraw64/hid");
    let usb = profile().usb;
    let uevent = fs::read_to_string(hid.join("uevent")).unwrap();
    let id = format!("HID_ID=0003:{:08X}:{:08X}\n", usb.vendor_id, usb.product_id);
    assert!(uevent.contains(&id), "{uevent}");
    assert!(uevent.contains(&format!("{}\n", usb.product)), "{uevent}");
    let descriptor = fs::read(hid.join("hidraw/hidraw64/device/report_descriptor")).unwrap();
    assert_eq!(descriptor, transport::ctaphid::REPORT_DESCRIPTOR);
    assert_eq!(fs::read_to_string(bus.join("hidraw64/name")).unwrap(), "phone\n");
    for (file, text) in [
        ("manufacturer", usb.manufacturer),
        ("product", usb.product),
        ("idVendor", format!("{:04x}", usb.vendor_id)),
    ] {
        assert_eq!(fs::read_to_string(bus.join("hidraw64").join(file)).unwrap(), format!("{text}\n"));
    }
    assert!(fs::metadata(bus.join("hidraw64/socket")).unwrap().file_type().is_socket());
}

#[test]
fn a_device_is_there_while_it_has_power_and_leaves_nothing_behind() {
    let rig = Rig::new();
    let exec = rig.attach("phone");
    assert_eq!(rig.shown(), ["hidraw64"]);
    rig.power(false);
    assert!(rig.shown().is_empty());
    rig.power(true);
    assert_eq!(rig.shown(), ["hidraw64"]);
    drop(exec);
    assert!(rig.shown().is_empty());
    rig.power(false);
    let exec = rig.attach("phone");
    assert!(rig.shown().is_empty(), "nor was it there without power");
    drop(exec);
    assert_eq!(fs::read_dir(&rig.path).unwrap().count(), 1, "the socket is gone, too");
}

#[test]
fn each_device_has_a_number_of_its_own_and_gives_it_back() {
    let rig = Rig::new();
    let (first, second) = (rig.attach("a"), rig.attach("b"));
    assert_eq!(rig.shown(), ["hidraw64", "hidraw65"]);
    drop(first);
    let third = rig.attach("c");
    assert!(third.address().ends_with("/hidraw64"));
    assert!(second.address().ends_with("/hidraw65"));
}

#[test]
fn what_a_dead_instance_left_is_cleared_away() {
    let rig = Rig::new();
    let left = rig.path.join("bus/hidraw99/hid");
    fs::create_dir_all(left).unwrap();
    Folder::prepare(&Place::new(&rig.path)).unwrap();
    assert!(rig.shown().is_empty());
}

/// The library's buffer for an inotify event has room for 15 bytes of a name and the zero behind it.
#[test]
fn names_in_the_folder_are_short_enough_for_the_library() {
    let entry = Entry::new(&Place::new("/exec"), 9_999, "phone", &profile().usb, Path::new("/s"));
    for path in entry.paths() {
        assert!(path.file_name().unwrap().len() <= 15, "{}", path.display());
    }
}
