//! Routes for QR codes on other screens.
use super::Api;
use super::problem::Problem;
use super::request::{LongBody, Name};
use super::routes::{DONE, Done, Server};
use crate::control::{Failure, FailureKind, Scan, Scanned};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

/// Gives up what nobody waits for any more: the request is dropped when its connection is closed.
struct Gone {
    api: Arc<Api>,
    device: Option<String>,
}

impl Drop for Gone {
    fn drop(&mut self) {
        if let Some(device) = self.device.take() {
            let control = self.api.control.clone();
            // It may be over just now, or the device is; then there is nothing to give up.
            tokio::task::spawn_blocking(move || drop(control.cancel_scan(&device)));
        }
    }
}

/// Waits for the other side, and for the user.
pub(super) async fn scan(
    State(api): Server,
    Name(name): Name,
    LongBody(scan): LongBody<Scan>,
) -> Result<Json<Scanned>, Problem> {
    let mut gone = Gone { api: api.clone(), device: Some(name.clone()) };
    let scanned = api.ask(move |control| control.scan(&name, &scan)).await;
    gone.device = None;
    scanned.map(Json)
}

pub(super) async fn cancel(State(api): Server, Name(name): Name) -> Done {
    let wanted = name.clone();
    if api.ask(move |control| control.cancel_scan(&wanted)).await? {
        return Ok(DONE);
    }
    let message = format!("no scanned code is being answered on {}", name.escape_debug());
    Err(Failure::new(FailureKind::NotFound, message).into())
}
