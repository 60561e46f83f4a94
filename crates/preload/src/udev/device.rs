//! `struct udev_device`: our hidraw devices, the HID devices that are their parents, and the USB devices that are theirs.
use super::entries::Entries;
use super::real::{functions, real};
use super::{Held, Object, Ours, give, hold, ours, release, text};
use crate::bus::{self, Number, value};
use crate::runtime::fail;
use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use core::ffi::{CStr, c_char, c_int, c_uint, c_ulonglong};
use core::ptr::{null, null_mut};

/// A device of ours, as libudev describes it.
#[repr(C)]
pub(super) struct Device {
    mark: u64,
    holders: usize,
    udev: Object,
    number: Number,
    subsystem: &'static CStr,
    devtype: Option<&'static CStr>,
    syspath: CString,
    sysname: CString,
    sysnum: Option<CString>,
    devnode: Option<CString>,
    driver: Option<CString>,
    /// Of a device that was heard of, and not found.
    action: Option<CString>,
    properties: Entries,
    /// Attributes that were asked for, kept because the program got pointers to them.
    attributes: Entries,
    /// A HID or USB device, held; null if there is none.
    parent: Object,
}

impl Ours for Device {
    const MARK: u64 = 0xFA0E_B00C_0DE5_0003;
}

impl Held for Device {
    fn holders(&mut self) -> &mut usize {
        &mut self.holders
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: the parent is null or one that this held.
        if let Some(parent) = unsafe { ours::<Self>(self.parent) } {
            // SAFETY: it is not used after this.
            unsafe { release(parent) };
        }
    }
}

fn string(text: impl Into<String>) -> CString {
    CString::new(text.into()).unwrap_or_default()
}

impl Device {
    fn new(udev: Object, number: Number, subsystem: &'static CStr, syspath: String, sysname: String) -> Self {
        let mut properties = Entries::default();
        // Real ones leave /sys out of it; ours are not there.
        properties.push(c"DEVPATH".into(), Some(string(syspath.as_str())));
        properties.push(c"SUBSYSTEM".into(), Some(subsystem.into()));
        Self {
            mark: Self::MARK,
            holders: 1,
            udev,
            number,
            subsystem,
            devtype: None,
            syspath: string(syspath),
            sysname: string(sysname),
            sysnum: None,
            devnode: None,
            driver: None,
            action: None,
            properties,
            attributes: Entries::default(),
            parent: null_mut(),
        }
    }

    /// The USB device. What stands between it and the HID device, the interface, has nothing to tell.
    fn usb(udev: Object, number: Number) -> Option<Self> {
        let sysname = format!("fauxkey-{}", number.get());
        let mut device = Self::new(udev, number, c"usb", number.usb_path()?, sysname);
        device.devtype = Some(c"usb_device");
        device.properties.push(c"DEVTYPE".into(), Some(c"usb_device".into()));
        device.driver = Some(c"usb".into());
        Some(device)
    }

    /// The HID device, if it is there.
    fn hid(udev: Object, number: Number) -> Option<Self> {
        let (path, uevent) = (number.hid_path()?, number.uevent()?);
        let mut id = value(&uevent, "HID_ID")?.split(':');
        let mut part = || id.next().and_then(|part| u32::from_str_radix(part, 16).ok());
        // As the kernel names it (drivers/hid/hid-core.c, `hid_add_device`).
        let sysname = format!("{:04X}:{:04X}:{:04X}.{:04X}", part()?, part()?, part()?, number.get());
        let mut device = Self::new(udev, number, c"hid", path, sysname);
        for (key, value) in uevent.lines().filter_map(|line| line.split_once('=')) {
            device.properties.push(string(key), Some(string(value)));
        }
        device.driver = value(&uevent, "DRIVER").map(string);
        device.parent = Self::usb(udev, number).map_or(null_mut(), give);
        Some(device)
    }

    /// The hidraw device. One that is gone by now has a name and little else.
    fn hidraw(udev: Object, number: Number, action: Option<&CStr>) -> Option<Self> {
        let (digits, node) = (format!("{}", number.get()), format!("/dev/hidraw{}", number.get()));
        let mut device = Self::new(udev, number, c"hidraw", number.hidraw_path()?, format!("hidraw{digits}"));
        let (major, minor) = (libc::major(number.device()), libc::minor(number.device()));
        for (key, value) in [
            (c"DEVNAME", node.clone()),
            (c"MAJOR", format!("{major}")),
            (c"MINOR", format!("{minor}")),
            // What systemd's rules find out (rules.d/60-fido-id.rules).
            (c"ID_FIDO_TOKEN", "1".into()),
            (c"ID_SECURITY_TOKEN", "1".into()),
        ] {
            device.properties.push(key.into(), Some(string(value)));
        }
        if let Some(action) = action {
            device.properties.push(c"ACTION".into(), Some(action.into()));
        }
        device.action = action.map(Into::into);
        device.devnode = Some(string(node));
        device.sysnum = Some(string(digits));
        device.parent = Self::hid(udev, number).map_or(null_mut(), give);
        Some(device)
    }

    /// The hidraw device that was found, if it is there and the program is to see it.
    pub(super) fn found(udev: Object, number: Number) -> Option<Self> {
        if number.is_there() { Self::hidraw(udev, number, None) } else { None }
    }

    /// The hidraw device that came.
    pub(super) fn came(udev: Object, number: Number) -> Option<Self> {
        if number.is_there() { Self::hidraw(udev, number, Some(c"add")) } else { None }
    }

    /// The hidraw device that went.
    pub(super) fn went(udev: Object, number: Number) -> Option<Self> {
        Self::hidraw(udev, number, Some(c"remove"))
    }

    /// The device of ours at a path below our folder.
    fn at(udev: Object, path: &CStr) -> Option<Self> {
        let below = path.to_str().ok()?.strip_prefix(bus::folder()?)?.trim_matches('/');
        let (name, rest) = below.split_once('/').unwrap_or((below, ""));
        let number = Number::of_name(name.as_bytes()).filter(|number| number.is_there())?;
        let hidraw = format!("hid/hidraw/{name}");
        match rest {
            "" => Self::usb(udev, number),
            "hid" => Self::hid(udev, number),
            rest if rest == hidraw => Self::hidraw(udev, number, None),
            _ => None,
        }
    }

    pub(super) fn syspath(&self) -> &CStr {
        &self.syspath
    }

    pub(super) fn sysname(&self) -> &CStr {
        &self.sysname
    }

    pub(super) fn properties(&self) -> &Entries {
        &self.properties
    }

    /// An attribute: a file below the syspath, without the line break at its end.
    pub(super) fn attribute(&mut self, name: &CStr) -> Option<&CStr> {
        if name == c"subsystem" {
            return Some(self.subsystem);
        }
        if self.attributes.value(name).is_none() {
            let file = name.to_str().ok().filter(|name| !name.split('/').any(|part| part == ".."))?;
            let mut bytes = bus::read(&format!("{}/{file}", self.syspath.to_str().ok()?))?;
            while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                bytes.pop();
            }
            // Of one that is no text, libudev gives what is before the first zero, too.
            bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
            self.attributes.push(name.into(), Some(CString::new(bytes).ok()?));
        }
        self.attributes.value(name)
    }

    /// The nearest parent of that subsystem and kind.
    fn parent(&self, subsystem: Option<&CStr>, devtype: Option<&CStr>) -> Object {
        // SAFETY: the parent is null or one that this holds.
        let Some(parent) = (unsafe { ours::<Self>(self.parent) }) else { return null_mut() };
        let fits = subsystem.is_none_or(|wanted| wanted == parent.subsystem)
            && devtype.is_none_or(|wanted| parent.devtype == Some(wanted));
        if fits { self.parent } else { parent.parent(subsystem, devtype) }
    }
}

fn pointer(text: Option<&CStr>) -> *const c_char {
    text.map_or(null(), CStr::as_ptr)
}

functions! {
    udev_device_ref(device: Object) -> Object; [Device] => hold(device); else null_mut();
    udev_device_unref(device: Object) -> Object; [Device] => {
        // SAFETY: the program lets go of it.
        unsafe { release(device) };
        null_mut()
    }; else null_mut();
    udev_device_get_udev(device: Object) -> Object; [Device] => device.udev; else null_mut();
    udev_device_get_parent(device: Object) -> Object; [Device] => device.parent(None, None); else null_mut();
    udev_device_get_parent_with_subsystem_devtype(device: Object, subsystem: *const c_char, devtype: *const c_char) -> Object;
        [Device] => {
            // SAFETY: the program gives strings.
            let (subsystem, devtype) = unsafe { (text(subsystem), text(devtype)) };
            subsystem.map_or_else(|| { fail(libc::EINVAL); null_mut() }, |subsystem| device.parent(Some(subsystem), devtype))
        };
        else null_mut();
    udev_device_get_devpath(device: Object) -> *const c_char; [Device] => device.syspath.as_ptr(); else null();
    udev_device_get_subsystem(device: Object) -> *const c_char; [Device] => device.subsystem.as_ptr(); else null();
    udev_device_get_devtype(device: Object) -> *const c_char; [Device] => pointer(device.devtype); else null();
    udev_device_get_syspath(device: Object) -> *const c_char; [Device] => device.syspath.as_ptr(); else null();
    udev_device_get_sysname(device: Object) -> *const c_char; [Device] => device.sysname.as_ptr(); else null();
    udev_device_get_sysnum(device: Object) -> *const c_char; [Device] => pointer(device.sysnum.as_deref()); else null();
    udev_device_get_devnode(device: Object) -> *const c_char; [Device] => pointer(device.devnode.as_deref()); else null();
    udev_device_get_driver(device: Object) -> *const c_char; [Device] => pointer(device.driver.as_deref()); else null();
    udev_device_get_action(device: Object) -> *const c_char; [Device] => pointer(device.action.as_deref()); else null();
    udev_device_get_devnum(device: Object) -> libc::dev_t;
        [Device] => if device.devnode.is_some() { device.number.device() } else { 0 }; else 0;
    udev_device_get_seqnum(device: Object) -> c_ulonglong; [Device] => 0; else 0;
    udev_device_get_is_initialized(device: Object) -> c_int; [Device] => 1; else 0;
    udev_device_get_usec_since_initialized(device: Object) -> c_ulonglong; [Device] => 0; else 0;
    udev_device_get_properties_list_entry(device: Object) -> Object; [Device] => device.properties.first(); else null_mut();
    udev_device_get_devlinks_list_entry(device: Object) -> Object; [Device] => null_mut(); else null_mut();
    udev_device_get_tags_list_entry(device: Object) -> Object; [Device] => null_mut(); else null_mut();
    udev_device_get_current_tags_list_entry(device: Object) -> Object; [Device] => null_mut(); else null_mut();
    udev_device_get_sysattr_list_entry(device: Object) -> Object; [Device] => null_mut(); else null_mut();
    udev_device_has_tag(device: Object, tag: *const c_char) -> c_int; [Device] => 0; else 0;
    udev_device_has_current_tag(device: Object, tag: *const c_char) -> c_int; [Device] => 0; else 0;
    udev_device_get_property_value(device: Object, key: *const c_char) -> *const c_char;
        // SAFETY: the program gives a string.
        [Device] => pointer(unsafe { text(key) }.and_then(|key| device.properties.value(key))); else null();
    udev_device_get_sysattr_value(device: Object, name: *const c_char) -> *const c_char;
        // SAFETY: the program gives a string.
        [Device] => pointer(unsafe { text(name) }.and_then(|name| device.attribute(name))); else null();
    udev_device_set_sysattr_value(device: Object, name: *const c_char, value: *const c_char) -> c_int;
        [Device] => -libc::EACCES; else -libc::ENOSYS;
    udev_device_new_from_environment(udev: Object) -> Object; else null_mut();
}

/// Defines functions that look for a device: one of ours if `$mine` finds it.
macro_rules! looking {
    ($($name:ident($udev:ident $(, $argument:ident: $kind:ty)*) $mine:block)*) => { $(
        #[doc = concat!("`", stringify!($name), "`, which finds our devices too.")]
        ///
        /// # Safety
        /// As of the function of that name in libudev.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($udev: Object $(, $argument: $kind)*) -> Object {
            let found: Option<Device> = $mine;
            if let Some(device) = found {
                return give(device);
            }
            match real!($name: fn(Object $(, $kind)*) -> Object) {
                // SAFETY: what the caller has to keep is what the real function asks.
                Some(real) => unsafe { real($udev $(, $argument)*) },
                None => {
                    fail(libc::ENODEV);
                    null_mut()
                }
            }
        }
    )* };
}

looking! {
    udev_device_new_from_syspath(udev, syspath: *const c_char) {
        // SAFETY: the program gives a string.
        unsafe { text(syspath) }.and_then(|path| Device::at(udev, path))
    }
    udev_device_new_from_devnum(udev, kind: c_char, number: libc::dev_t) {
        let ours = (kind as u8 == b'c').then(|| Number::of_device(number)).flatten();
        ours.and_then(|number| Device::found(udev, number))
    }
    udev_device_new_from_subsystem_sysname(udev, subsystem: *const c_char, sysname: *const c_char) {
        // SAFETY: the program gives strings.
        match unsafe { (text(subsystem), text(sysname)) } {
            (Some(subsystem), Some(name)) if subsystem == c"hidraw" => {
                Number::of_name(name.to_bytes()).and_then(|number| Device::found(udev, number))
            }
            (Some(subsystem), Some(name)) if subsystem == c"hid" => {
                let mut hids = bus::devices().into_iter().filter_map(|number| Device::hid(udev, number));
                hids.find(|device| *device.sysname == *name)
            }
            _ => None,
        }
    }
    udev_device_new_from_device_id(udev, id: *const c_char) {
        // SAFETY: the program gives a string.
        let id = unsafe { text(id) }.and_then(|id| id.to_str().ok()?.strip_prefix('c')?.split_once(':'));
        let number = |text: &str| text.parse::<c_uint>().ok();
        let device = id.and_then(|(major, minor)| Some(libc::makedev(number(major)?, number(minor)?)));
        device.and_then(Number::of_device).and_then(|number| Device::found(udev, number))
    }
}
