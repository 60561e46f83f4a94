//! The routes of the Authenticator app: accounts, codes and push notifications.
use super::problem::Problem;
use super::request::{Body, Name, NameAndId};
use super::routes::{DONE, Done, Server};
use crate::app::{Account, Added, Code, NewAccount, Push};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// The body of POST push.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PushAnswer {
    /// What declines, if there is none.
    #[serde(default)]
    number: Option<u8>,
}

pub(super) async fn list(State(api): Server, Name(name): Name) -> Result<Json<Vec<Account>>, Problem> {
    api.ask(move |control| control.accounts(&name)).await.map(Json)
}

/// 202 where a push notification waits for its number. Answers once the device does: after its user, that is.
pub(super) async fn add(
    State(api): Server,
    Name(name): Name,
    Body(new): Body<NewAccount>,
) -> Result<Response, Problem> {
    let added = api.ask(move |control| control.add_account(&name, &new)).await?;
    let status = match added {
        Added::Account(_) => StatusCode::CREATED,
        Added::Number(_) => StatusCode::ACCEPTED,
    };
    Ok((status, Json(added)).into_response())
}

pub(super) async fn delete(State(api): Server, NameAndId(name, id): NameAndId) -> Done {
    api.ask(move |control| control.delete_account(&name, &id)).await.map(|()| DONE)
}

pub(super) async fn code(State(api): Server, NameAndId(name, id): NameAndId) -> Result<Json<Code>, Problem> {
    api.ask(move |control| control.account_code(&name, &id)).await.map(Json)
}

pub(super) async fn pushes(State(api): Server, Name(name): Name) -> Result<Json<Vec<Push>>, Problem> {
    api.ask(move |control| control.pushes(&name)).await.map(Json)
}

pub(super) async fn answer(
    State(api): Server,
    NameAndId(name, id): NameAndId,
    Body(answer): Body<PushAnswer>,
) -> Done {
    api.ask(move |control| control.answer_push(&name, &id, answer.number)).await.map(|()| DONE)
}
