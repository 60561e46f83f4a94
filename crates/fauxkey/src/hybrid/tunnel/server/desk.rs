//! Who waits for whom.
use super::super::contacts::Contact;
use super::super::{ROUTING, TUNNEL_ID};
use super::{Limits, Second};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::http::StatusCode;

/// Contacts that a phone has not yet been told of.
const UNTOLD: usize = 4;
/// Contact IDs that are remembered when their phone is away.
const REMEMBERED: usize = 1024;

/// Why somebody is not let in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// One line for people.
    pub(super) why: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }
}

/// What the connections of the service share.
pub(super) struct Desk {
    pub(super) limits: Limits,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    tunnels: HashMap<[u8; TUNNEL_ID], Tunnel>,
    phones: HashMap<Vec<u8>, mpsc::Sender<Contact>>,
    /// Contact IDs of phones that were here and did not unlink, the oldest first.
    remembered: VecDeque<Vec<u8>>,
}

struct Tunnel {
    routing: [u8; ROUTING],
    /// The first side, until the second has come.
    first: Option<oneshot::Sender<Second>>,
}

/// The first side of a tunnel, waiting for the second.
pub(super) struct Waiting {
    pub(super) routing: [u8; ROUTING],
    /// Brings the second side; ends if it did not manage to come.
    pub(super) second: oneshot::Receiver<Second>,
    /// The tunnel's place in the books.
    pub(super) place: Place,
}

/// A tunnel's place in the books, which is given back when this is dropped.
pub(super) struct Place {
    desk: Arc<Desk>,
    id: [u8; TUNNEL_ID],
}

impl Drop for Place {
    fn drop(&mut self) {
        self.desk.books().tunnels.remove(&self.id);
    }
}

/// A phone's place, which is given back when this is dropped.
pub(super) struct Station {
    desk: Arc<Desk>,
    id: Vec<u8>,
    /// Who contacts it.
    pub(super) contacts: mpsc::Receiver<Contact>,
}

impl Station {
    /// Ends the link: from now on, clients hear that there is no such phone.
    pub(super) fn unlink(self) {
        self.desk.books().remembered.retain(|id| *id != self.id);
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.desk.books().phones.remove(&self.id);
    }
}

impl Desk {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, books: Mutex::default() }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Every change is one call of a collection.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A phone opens a tunnel.
    pub(super) fn open(self: &Arc<Self>, id: [u8; TUNNEL_ID]) -> Result<Waiting, Refusal> {
        let (first, second) = oneshot::channel();
        let (mut books, routing) = (self.books(), rand::random());
        if books.tunnels.contains_key(&id) {
            return Err(Refusal::new(StatusCode::CONFLICT, "a tunnel with this ID is open already"));
        }
        if books.tunnels.len() >= self.limits.tunnels {
            let message = format!("{} tunnels are open already", self.limits.tunnels);
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message));
        }
        books.tunnels.insert(id, Tunnel { routing, first: Some(first) });
        drop(books);
        Ok(Waiting { routing, second, place: Place { desk: self.clone(), id } })
    }

    /// The second side comes. What it gives to the sender is the first side's.
    pub(super) fn join(
        &self,
        routing: [u8; ROUTING],
        id: [u8; TUNNEL_ID],
    ) -> Result<oneshot::Sender<Second>, Refusal> {
        let mut books = self.books();
        let tunnel = books.tunnels.get_mut(&id).filter(|tunnel| tunnel.routing == routing);
        let tunnel =
            tunnel.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "nobody waits in such a tunnel"))?;
        let taken = || Refusal::new(StatusCode::CONFLICT, "this tunnel has both its sides already");
        tunnel.first.take().ok_or_else(taken)
    }

    /// A client contacts a linked phone: it waits in a tunnel with a new ID, and the phone is told.
    pub(super) fn contact(
        self: &Arc<Self>,
        contact_id: &[u8],
        client_payload: Vec<u8>,
    ) -> Result<Waiting, Refusal> {
        let unavailable = |why| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why);
        let phone = {
            let books = self.books();
            match books.phones.get(contact_id) {
                Some(phone) => phone.clone(),
                None if books.remembered.iter().any(|id| id == contact_id) => {
                    return Err(unavailable("this phone is linked, but not here now"));
                }
                None => return Err(Refusal::new(StatusCode::GONE, "no phone is linked by this contact ID")),
            }
        };
        let tunnel_id = rand::random();
        let waiting = self.open(tunnel_id)?;
        let contact = Contact { tunnel_id, routing_id: waiting.routing, client_payload };
        phone.try_send(contact).map_err(|_| unavailable("this phone has not yet heard of others"))?;
        Ok(waiting)
    }

    /// A phone waits for contacts.
    pub(super) fn station(self: &Arc<Self>, id: Vec<u8>) -> Result<Station, Refusal> {
        let (sender, contacts) = mpsc::channel(UNTOLD);
        let mut books = self.books();
        if books.phones.contains_key(&id) {
            return Err(Refusal::new(StatusCode::CONFLICT, "a phone waits for this contact ID already"));
        }
        if books.phones.len() >= self.limits.phones {
            let message = format!("{} phones wait already", self.limits.phones);
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message));
        }
        books.remembered.retain(|known| *known != id);
        if books.remembered.len() >= REMEMBERED {
            books.remembered.pop_front();
        }
        books.remembered.push_back(id.clone());
        books.phones.insert(id.clone(), sender);
        drop(books);
        Ok(Station { desk: self.clone(), id, contacts })
    }
}
