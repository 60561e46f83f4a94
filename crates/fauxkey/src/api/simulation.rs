//! Routes for what tests arrange: faults, scripts, passkeys without ceremonies; and what devices can be made of.
use super::problem::Problem;
use super::request::{Body, Name, NameAndId};
use super::routes::{DONE, Done, Server};
use crate::control::{ArmedFault, Fault, NewPasskey, ProfileSummary, Script};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use emulator::faults::Kind;
use serde::Serialize;

/// 204 where the user follows no script.
pub(super) async fn script(State(api): Server, Name(name): Name) -> Result<Response, Problem> {
    let script = api.ask(move |control| control.script(&name)).await?;
    Ok(script.map_or_else(|| DONE.into_response(), |script| Json(script).into_response()))
}

pub(super) async fn set_script(State(api): Server, Name(name): Name, Body(script): Body<Script>) -> Done {
    api.ask(move |control| control.set_script(&name, Some(script))).await.map(|()| DONE)
}

pub(super) async fn end_script(State(api): Server, Name(name): Name) -> Done {
    api.ask(move |control| control.set_script(&name, None)).await.map(|()| DONE)
}

pub(super) async fn faults(State(api): Server, Name(name): Name) -> Result<Json<Vec<ArmedFault>>, Problem> {
    api.ask(move |control| control.faults(&name)).await.map(Json)
}

pub(super) async fn arm(
    State(api): Server,
    Name(name): Name,
    Body(fault): Body<Fault>,
) -> Result<Response, Problem> {
    let armed = api.ask(move |control| control.arm(&name, fault)).await?;
    Ok((StatusCode::CREATED, Json(armed)).into_response())
}

pub(super) async fn disarm_all(State(api): Server, Name(name): Name) -> Done {
    api.ask(move |control| control.disarm(&name, None)).await.map(|()| DONE)
}

pub(super) async fn disarm(State(api): Server, NameAndId(name, id): NameAndId) -> Done {
    let id: u64 = id
        .parse()
        .map_err(|_| Problem::invalid(format!("`{}` is no number of a fault", id.escape_debug())))?;
    api.ask(move |control| control.disarm(&name, Some(id))).await.map(|()| DONE)
}

#[derive(Serialize)]
pub(super) struct FaultKind {
    fault: &'static str,
    about: String,
}

pub(super) async fn kinds() -> Json<Vec<FaultKind>> {
    let kind = |kind: &Kind| FaultKind { fault: kind.name(), about: kind.about() };
    Json(Kind::ALL.iter().map(kind).collect())
}

pub(super) async fn add_passkey(
    State(api): Server,
    Name(name): Name,
    Body(passkey): Body<NewPasskey>,
) -> Result<Response, Problem> {
    let passkey = api.ask(move |control| control.add_passkey(&name, passkey)).await?;
    Ok((StatusCode::CREATED, Json(passkey)).into_response())
}

pub(super) async fn profiles(State(api): Server) -> Result<Json<Vec<ProfileSummary>>, Problem> {
    api.ask(|control| control.profiles()).await.map(Json)
}

#[derive(Serialize)]
pub(super) struct ProfileText {
    name: String,
    toml: String,
}

pub(super) async fn profile(State(api): Server, Name(name): Name) -> Result<Json<ProfileText>, Problem> {
    let wanted = name.clone();
    let toml = api.ask(move |control| control.profile(&wanted)).await?;
    Ok(Json(ProfileText { name, toml }))
}
