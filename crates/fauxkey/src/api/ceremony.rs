//! Routes for ceremonies, as a page asks for them.
use super::Api;
use super::problem::Problem;
use super::request::{Body, Name, NameAndId};
use super::routes::{DONE, Done, Server};
use crate::ceremony::{Outcome, Request};
use crate::control::{Failure, FailureKind};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

/// Cancels a ceremony whose page has gone: the request is dropped when its connection is closed.
struct Gone {
    api: Arc<Api>,
    device: String,
    id: Option<String>,
}

impl Drop for Gone {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let (control, device) = (self.api.control.clone(), std::mem::take(&mut self.device));
            // It may be over just now, or the device is; then there is nothing to cancel.
            tokio::task::spawn_blocking(move || drop(control.cancel_ceremony(&device, &id)));
        }
    }
}

/// Waits for the user.
pub(super) async fn run(
    State(api): Server,
    Name(name): Name,
    Body(mut request): Body<Request>,
) -> Result<Json<Outcome>, Problem> {
    let id = request.id.get_or_insert_with(|| wire::hex::encode(&rand::random::<[u8; 16]>())).clone();
    let mut gone = Gone { api: api.clone(), device: name.clone(), id: Some(id) };
    let outcome = api.ask(move |control| control.ceremony(&name, &request)).await;
    gone.id = None;
    outcome.map(Json)
}

pub(super) async fn cancel(State(api): Server, NameAndId(name, id): NameAndId) -> Done {
    let wanted = id.clone();
    if api.ask(move |control| control.cancel_ceremony(&name, &wanted)).await? {
        return Ok(DONE);
    }
    let message = format!("there is no ceremony `{}` (any more)", id.escape_debug());
    Err(Failure::new(FailureKind::NotFound, message).into())
}
