//! BlueZ's errors, as far as this one makes them.
use zbus::DBusError;

/// An error reply of `org.bluez`.
#[derive(Debug, DBusError)]
#[zbus(prefix = "org.bluez.Error")]
pub(super) enum Refusal {
    /// Something of the bus.
    #[zbus(error)]
    ZBus(zbus::Error),
    /// The adapter is off.
    NotReady(String),
    /// The caller does that already.
    InProgress(String),
    /// The caller has registered that already.
    AlreadyExists(String),
    /// The caller has not registered that.
    DoesNotExist(String),
    /// No more of that.
    NotPermitted(String),
    /// Arguments or properties that make no sense.
    InvalidArguments(String),
    /// More than fits into an advert.
    InvalidLength(String),
    /// Anything else.
    Failed(String),
}

impl Refusal {
    /// In BlueZ's words for an adapter that is off.
    pub(super) fn not_ready() -> Self {
        Self::NotReady("Resource Not Ready".into())
    }
}
