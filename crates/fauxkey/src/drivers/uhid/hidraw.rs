//! Which `/dev/hidraw…` the kernel made of a device.
use std::fs;
use std::path::Path;

/// The name of the node, such as `hidraw3`, whose device has that serial number. `class` is
/// `/sys/class/hidraw`.
pub(super) fn find(class: &Path, unique: &str) -> Option<String> {
    let is_ours = |node: &fs::DirEntry| {
        fs::read_to_string(node.path().join("device/uevent")).is_ok_and(|text| has_unique(&text, unique))
    };
    let node = fs::read_dir(class).ok()?.flatten().find(is_ours)?;
    node.file_name().into_string().ok()
}

/// Whether a `uevent` file of the HID bus says so.
fn has_unique(uevent: &str, unique: &str) -> bool {
    uevent.lines().filter_map(|line| line.strip_prefix("HID_UNIQ=")).any(|found| found == unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_with_our_serial_number_is_found_among_others() {
        let class = tempfile::tempdir().unwrap();
        for (node, uevent) in [
            ("hidraw0", "DRIVER=hid-generic\nHID_NAME=Mouse\nHID_UNIQ=\n"),
            ("hidraw1", "HID_NAME=x\nHID_UNIQ=fauxkey-7-phone2\n"),
            (
                "hidraw2",
                "DRIVER=hid-generic\nHID_ID=0003:00001209:0000F1D0\nHID_UNIQ=fauxkey-7-phone\nMODALIAS=x\n",
            ),
        ] {
            fs::create_dir_all(class.path().join(node).join("device")).unwrap();
            fs::write(class.path().join(node).join("device/uevent"), uevent).unwrap();
        }
        fs::create_dir(class.path().join("hidraw3")).unwrap();
        assert_eq!(find(class.path(), "fauxkey-7-phone").as_deref(), Some("hidraw2"));
        assert_eq!(find(class.path(), "fauxkey-8-phone"), None);
        assert_eq!(find(&class.path().join("none"), "x"), None);
    }
}
