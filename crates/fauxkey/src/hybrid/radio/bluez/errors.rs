//! What the bus and BlueZ refuse, in words of ours and with a way out.
use crate::control::{Failure, FailureKind};
use zbus::{Address, DBusError, Error};

/// The bus cannot be reached.
pub(super) fn no_bus(address: Option<&str>, error: &Error) -> Failure {
    let system = || Address::system().map(|address| address.to_string()).ok();
    let address = address.map(Into::into).or_else(system);
    let address =
        address.map_or_else(|| "the system bus".into(), |address| format!("the system bus {address}"));
    let denied = matches!(error, Error::Handshake(_))
        || matches!(error, Error::Connection(error, _) if error.kind() == std::io::ErrorKind::PermissionDenied);
    if denied {
        return Failure::new(FailureKind::Forbidden, format!("{address} does not let this user in: {error}"));
    }
    Failure::new(FailureKind::NotFound, format!("{address} cannot be reached: {error}"))
        .hint("start D-Bus; where there is none, run everything in `fauxkey hybrid lab`, or use socket:PATH")
}

/// The adapter has no power.
pub(super) fn adapter_off(name: &str) -> Failure {
    Failure::new(FailureKind::Conflict, format!("Bluetooth is off: the adapter {name} has no power")).hint(
        "turn it on, with `bluetoothctl power on` for one; if it is blocked, `rfkill unblock bluetooth`",
    )
}

/// The adapter sends as many adverts as it can.
pub(super) fn no_room(name: &str) -> Failure {
    Failure::new(
        FailureKind::Conflict,
        format!("the Bluetooth adapter {name} has no room for another advert"),
    )
    .hint("end a program that advertises, or name another adapter, such as bluez:hci1")
}

/// BlueZ is not on the bus.
fn no_bluez() -> Failure {
    Failure::new(FailureKind::NotFound, "BlueZ is not running: nobody on the system bus is called org.bluez")
        .hint("install bluez and run `systemctl start bluetooth`, or use `fauxkey hybrid lab` or socket:PATH")
}

/// An error reply to what BlueZ was asked to do.
pub(super) fn refused(error: &Error, what: &str) -> Failure {
    let (name, text) = match error {
        Error::MethodError(name, text, _) => (name.to_string(), text.clone().unwrap_or_default()),
        Error::FDO(error) if let zbus::fdo::Error::ZBus(error) = &**error => return refused(error, what),
        Error::FDO(error) => (error.name().to_string(), error.description().unwrap_or_default().to_owned()),
        Error::InputOutput(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            return Failure::new(FailureKind::Broken, format!("BlueZ did not answer when it was to {what}"))
                .hint("look at `journalctl -u bluetooth`");
        }
        other => (String::new(), other.to_string()),
    };
    let text = if text.is_empty() { name.clone() } else { text };
    let failure = |kind| Failure::new(kind, format!("BlueZ did not {what}: {text}"));
    let name = name.as_str();
    match name.rsplit('.').next().unwrap_or_default() {
        _ if name.starts_with("org.freedesktop.DBus.Error.Spawn") || name.starts_with("org.freedesktop.systemd1.") => {
            no_bluez()
        }
        "ServiceUnknown" | "NameHasNoOwner" => no_bluez(),
        "NotReady" => Failure::new(FailureKind::Conflict, "Bluetooth is off")
            .hint("turn it on, with `bluetoothctl power on` for one; if it is blocked, `rfkill unblock bluetooth`"),
        "AccessDenied" | "NotAuthorized" | "AuthFailed" | "InteractiveAuthorizationRequired" => {
            failure(FailureKind::Forbidden)
                .hint("run it as a user who may use Bluetooth: one who is logged in at the machine, of the group bluetooth, or root")
        }
        "NotPermitted" => failure(FailureKind::Conflict)
            .hint("the adapter may have no room for another advert: end a program that advertises, or name another adapter, such as bluez:hci1"),
        "InvalidLength" | "InvalidArguments" => failure(FailureKind::Invalid),
        "NotSupported" | "UnknownMethod" | "UnknownInterface" => {
            failure(FailureKind::Conflict).hint("a newer BlueZ or another adapter may do it")
        }
        _ => failure(FailureKind::Broken).hint("look at `journalctl -u bluetooth`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::Message;
    use zbus::names::OwnedErrorName;

    fn reply(name: &str, text: &str) -> Failure {
        let message = Message::signal("/", "org.example", "Example").build(&()).unwrap();
        let name = OwnedErrorName::try_from(name.to_owned()).unwrap();
        refused(&Error::MethodError(name, Some(text.into()), message), "advertise")
    }

    #[test]
    fn each_refusal_has_a_kind_of_its_own_and_a_way_out() {
        for (name, kind, message) in [
            ("org.bluez.Error.NotReady", FailureKind::Conflict, "Bluetooth is off"),
            ("org.bluez.Error.NotPermitted", FailureKind::Conflict, "BlueZ did not advertise: so it says"),
            ("org.bluez.Error.NotAuthorized", FailureKind::Forbidden, "BlueZ did not advertise: so it says"),
            (
                "org.freedesktop.DBus.Error.AccessDenied",
                FailureKind::Forbidden,
                "BlueZ did not advertise: so it says",
            ),
            ("org.bluez.Error.Failed", FailureKind::Broken, "BlueZ did not advertise: so it says"),
            (
                "org.freedesktop.DBus.Error.ServiceUnknown",
                FailureKind::NotFound,
                "BlueZ is not running: nobody on the system bus is called org.bluez",
            ),
            (
                "org.freedesktop.systemd1.NoSuchUnit",
                FailureKind::NotFound,
                "BlueZ is not running: nobody on the system bus is called org.bluez",
            ),
        ] {
            let failure = reply(name, "so it says");
            assert_eq!((failure.kind, failure.message.as_str()), (kind, message), "{name}");
            assert!(failure.hint.is_some(), "{name}");
        }
        let failure = reply("org.bluez.Error.InvalidLength", "");
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::Invalid, "BlueZ did not advertise: org.bluez.Error.InvalidLength")
        );
    }

    #[test]
    fn errors_that_the_bus_defines_are_read_as_well() {
        let error = Error::from(zbus::fdo::Error::AccessDenied("by policy".into()));
        assert_eq!(refused(&error, "look").message, "BlueZ did not look: by policy");
        let error = Error::from(zbus::fdo::Error::ServiceUnknown("x".into()));
        assert!(refused(&error, "look").message.starts_with("BlueZ is not running"));
        let error = Error::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        assert_eq!(refused(&error, "look").message, "BlueZ did not answer when it was to look");
    }
}
