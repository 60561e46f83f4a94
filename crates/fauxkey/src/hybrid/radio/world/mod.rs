//! A world of one's own for Bluetooth: a private message bus with a BlueZ on it whose only radio waves are the adverts
//! that programs register there.
//!
//! Programs know Bluetooth by `org.bluez` on the system bus and find that by `DBUS_SYSTEM_BUS_ADDRESS`, so that
//! unmodified browsers and our own advertiser and scanner meet here. Whatever is advertised is seen by everybody who
//! looks, the advertiser included.
mod adapter;
mod advert;
mod air;
mod bus;
mod device;
mod refusal;
mod sasl;

#[cfg(test)]
pub(super) use bus::alone;

use super::socket;
#[cfg(test)]
use super::{Advertiser, Scanner, bluez};
use crate::control::{Failure, FailureKind};
use adapter::{ADAPTER, Adapter, AdvertisingManager, AgentManager, GattManager, ProfileManager, SharedAir};
use bus::Bus;
use futures_util::StreamExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use zbus::connection::{Builder, Connection};
use zbus::fdo::{DBusProxy, ObjectManager};
use zruntime::{SharedRuntime, mpmc};

/// How often an advert is heard while somebody looks. Phones advertise every 100 to 500 ms.
const INTERVAL: Duration = Duration::from_millis(200);

/// The bus and its BlueZ, until it is dropped.
pub struct World {
    path: PathBuf,
    orders: mpmc::Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

/// What the world's thread is told.
struct Order {
    power: bool,
    done: SyncSender<Result<(), String>>,
}

impl World {
    /// Starts a bus at a path where no file is yet. The socket is its owner's alone, in whatever user namespace: what user
    /// ID a program claims to have is not asked. Fails if the socket cannot be made there.
    pub fn start(bus_path: &Path) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(
                FailureKind::Broken,
                format!("cannot start a message bus at {}: {error}", bus_path.display()),
            )
        };
        let listener = socket::open(bus_path).map_err(|errno| failed(&errno))?;
        let (orders, inbox) = mpmc::unbounded();
        let (ready, started) = sync_channel(1);
        let thread = {
            let path = bus_path.to_owned();
            let name = "bluetooth world".to_owned();
            std::thread::Builder::new().name(name).spawn(move || run(&path, listener, inbox, ready))
        };
        let thread = Some(thread.map_err(|error| failed(&error))?);
        let world = Self { path: bus_path.to_owned(), orders, thread };
        answer(&started).map_err(|error| failed(&error))?;
        Ok(world)
    }

    /// What to put into `DBUS_SYSTEM_BUS_ADDRESS`.
    #[cfg(test)]
    pub fn address(&self) -> String {
        address(&self.path)
    }

    /// An advertiser of this process in this world, as [`super::Radio::advertiser`] makes one where
    /// `DBUS_SYSTEM_BUS_ADDRESS` is the world's.
    #[cfg(test)]
    pub fn advertiser(&self) -> Result<Box<dyn Advertiser>, Failure> {
        Ok(Box::new(bluez::Advertiser::new(Some(&self.address()), None)?))
    }

    /// A scanner of this process in this world.
    #[cfg(test)]
    pub fn scanner(&self) -> Result<Box<dyn Scanner>, Failure> {
        Ok(Box::new(bluez::Scanner::new(Some(&self.address()), None)?))
    }

    /// Turns Bluetooth off or on, for everybody on this bus. While it is off, adverts and discovery are refused, and
    /// what was advertised is not heard.
    pub fn power(&self, on: bool) -> Result<(), Failure> {
        let (done, answered) = sync_channel(1);
        // If the thread is gone, so is `done`, and the answer says so.
        drop(self.orders.try_send(Order { power: on, done }));
        answer(&answered).map_err(|error| {
            Failure::new(FailureKind::Broken, format!("cannot turn Bluetooth on or off: {error}"))
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.orders.close();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            drop(thread.join());
        }
        drop(std::fs::remove_file(&self.path));
    }
}

/// The D-Bus address of a socket file (D-Bus specification, "Server Addresses": other bytes than these are escaped).
fn address(path: &Path) -> String {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;
    let mut address = "unix:path=".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-_/\\*.".contains(byte) {
            address.push(char::from(*byte));
        } else {
            write!(address, "%{byte:02x}").expect("a String takes everything");
        }
    }
    address
}

/// Waits for what the world's thread says.
fn answer(receiver: &Receiver<Result<(), String>>) -> Result<(), String> {
    receiver.recv().unwrap_or_else(|_| Err("its thread has ended".into()))
}

/// The world's thread.
fn run(
    path: &Path,
    listener: UnixListener,
    orders: mpmc::Receiver<Order>,
    ready: SyncSender<Result<(), String>>,
) {
    let runtime = match SharedRuntime::new() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error.to_string()))),
    };
    let air = SharedAir::default();
    runtime.block_on(async {
        let bus = match Bus::new().await {
            Ok(bus) => std::sync::Arc::new(bus),
            Err(error) => return drop(ready.send(Err(error.to_string()))),
        };
        let serving = bus.clone();
        let accept = runtime.spawn("bus", async move { drop(serving.serve(listener).await) });
        match bluez(path, &air).await {
            Ok(connection) => {
                drop(ready.send(Ok(())));
                let tasks = [
                    runtime.spawn("leavers", leavers(connection.clone(), air.clone())),
                    runtime.spawn("repeats", repeats(runtime.clone(), connection.clone(), air.clone())),
                ];
                obey(&connection, &air, &orders).await;
                drop(tasks);
                drop(connection.close().await);
            }
            Err(error) => drop(ready.send(Err(error.to_string()))),
        }
        accept.cancel().await;
        bus.close().await;
    });
}

/// Puts BlueZ on the bus.
async fn bluez(path: &Path, air: &SharedAir) -> zbus::Result<Connection> {
    Builder::address(address(path).as_str())
        .serve_at("/", ObjectManager)
        .serve_at("/org/bluez", AgentManager)
        .serve_at("/org/bluez", ProfileManager)
        .serve_at(ADAPTER, Adapter(air.clone()))
        .serve_at(ADAPTER, AdvertisingManager(air.clone()))
        .serve_at(ADAPTER, GattManager)
        .name("org.bluez")
        .build()
        .await
}

/// Does what it is told, until nobody can tell it any more.
async fn obey(bus: &Connection, air: &SharedAir, orders: &mpmc::Receiver<Order>) {
    while let Ok(order) = orders.recv().await {
        let change = air.lock().power(order.power);
        let announced = adapter::announce(bus, air, change).await;
        drop(order.done.send(announced.map_err(|error| error.to_string())));
    }
}

/// Takes off the air what programs leave behind that leave the bus.
async fn leavers(bus: Connection, air: SharedAir) {
    let Ok(proxy) = DBusProxy::new(&bus).await else { return };
    let Ok(mut changes) = proxy.receive_name_owner_changed().await else { return };
    while let Some(signal) = changes.next().await {
        let Ok(change) = signal.args() else { continue };
        if let (Some(old), None) = (change.old_owner().as_ref(), change.new_owner().as_ref()) {
            let change = air.lock().gone(&old.to_owned().into());
            drop(adapter::announce(&bus, &air, change).await);
        }
    }
}

/// Adverts, again and again.
async fn repeats(runtime: SharedRuntime, bus: Connection, air: SharedAir) {
    loop {
        runtime.sleep(INTERVAL).await;
        adapter::repeat(&bus, &air).await;
    }
}
