//! The table of routes, and what each does.
use super::Api;
use super::problem::{self, Problem};
use super::request::{
    Body, CardPlace, ClockAdvance, FingerName, LONGEST_BODY, Message, Name, NameAndId, NewDevice, NewFinger,
    NewNames, NewPower, NewUser, Params, PromptAnswer, Wait,
};
use super::{accounts, ceremony, events, extension, guard, hybrid, openapi, page, phone, simulation, trace};
use crate::control::{Certificate, Device, Finger, Metadata, MetadataRequest, Passkey, TestCa, User};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Json, Router, middleware};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use wire::webauthn::json::Base64Url;

/// Whether a route wants the token, and where from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// In the `Authorization` header.
    Token,
    /// There, or as `?token=`: a browser's EventSource sends no headers of one's own.
    TokenOrQuery,
    /// Either way, and without it there is less to see.
    Page,
    /// The token of the pairing, which opens nothing else, in `Sec-WebSocket-Protocol`: from the browser's extension.
    Paired,
    /// No token.
    Open,
}

/// One row of the table.
pub(super) struct Route {
    /// Such as `GET`.
    pub(super) method: &'static str,
    /// As axum and OpenAPI both write it.
    pub(super) path: &'static str,
    access: Access,
    service: fn(MethodFilter) -> MethodRouter<Arc<Api>>,
}

macro_rules! routes {
    ($($method:ident $path:literal $access:ident $handler:path;)*) => {
        /// Everything that the server answers.
        pub(super) const ROUTES: &[Route] = &[$(Route {
            method: stringify!($method),
            path: $path,
            access: Access::$access,
            service: |method| on(method, $handler),
        },)*];
    };
}
routes! {
    GET "/" Page page::page;
    GET "/phone" Page phone::page;
    GET "/openapi.json" Open openapi::document;
    GET "/api/v1/version" Token version;
    GET "/api/v1/events" TokenOrQuery events::stream;
    GET "/api/v1/trace" TokenOrQuery trace::stream;
    GET "/api/v1/devices" Token devices;
    POST "/api/v1/devices" Token add_device;
    GET "/api/v1/devices/{name}" Token device;
    DELETE "/api/v1/devices/{name}" Token delete_device;
    POST "/api/v1/devices/{name}/reset" Token reset_device;
    POST "/api/v1/devices/{name}/power" Token power;
    PUT "/api/v1/devices/{name}/card" Token insert_card;
    GET "/api/v1/devices/{name}/user" Token user;
    PUT "/api/v1/devices/{name}/user" Token set_user;
    GET "/api/v1/devices/{name}/script" Token simulation::script;
    PUT "/api/v1/devices/{name}/script" Token simulation::set_script;
    DELETE "/api/v1/devices/{name}/script" Token simulation::end_script;
    GET "/api/v1/devices/{name}/faults" Token simulation::faults;
    POST "/api/v1/devices/{name}/faults" Token simulation::arm;
    DELETE "/api/v1/devices/{name}/faults" Token simulation::disarm_all;
    DELETE "/api/v1/devices/{name}/faults/{id}" Token simulation::disarm;
    POST "/api/v1/devices/{name}/clock" Token advance_clock;
    GET "/api/v1/devices/{name}/prompt" Token prompt;
    POST "/api/v1/devices/{name}/prompt" Token answer;
    GET "/api/v1/devices/{name}/passkeys" Token passkeys;
    POST "/api/v1/devices/{name}/passkeys" Token simulation::add_passkey;
    GET "/api/v1/devices/{name}/passkeys/{id}" Token passkey;
    PATCH "/api/v1/devices/{name}/passkeys/{id}" Token rename_passkey;
    DELETE "/api/v1/devices/{name}/passkeys/{id}" Token delete_passkey;
    GET "/api/v1/devices/{name}/fingers" Token fingers;
    POST "/api/v1/devices/{name}/fingers" Token add_finger;
    PATCH "/api/v1/devices/{name}/fingers/{id}" Token rename_finger;
    DELETE "/api/v1/devices/{name}/fingers/{id}" Token remove_finger;
    GET "/api/v1/devices/{name}/accounts" Token accounts::list;
    POST "/api/v1/devices/{name}/accounts" Token accounts::add;
    DELETE "/api/v1/devices/{name}/accounts/{id}" Token accounts::delete;
    GET "/api/v1/devices/{name}/accounts/{id}/code" Token accounts::code;
    POST "/api/v1/devices/{name}/accounts/{id}/push" Token accounts::answer;
    GET "/api/v1/devices/{name}/pushes" Token accounts::pushes;
    POST "/api/v1/devices/{name}/ctap2" Token ctap2;
    POST "/api/v1/devices/{name}/ceremonies" Token ceremony::run;
    DELETE "/api/v1/devices/{name}/ceremonies/{id}" Token ceremony::cancel;
    POST "/api/v1/devices/{name}/hybrid" Token hybrid::scan;
    DELETE "/api/v1/devices/{name}/hybrid" Token hybrid::cancel;
    GET "/api/v1/faults" Token simulation::kinds;
    GET "/api/v1/profiles" Token simulation::profiles;
    GET "/api/v1/profiles/{name}" Token simulation::profile;
    GET "/api/v1/extension" Paired extension::connect;
    GET "/api/v1/ca" Token ca;
    POST "/api/v1/ca/rotate" Token rotate_ca;
    POST "/api/v1/ca/metadata" Token metadata;
    GET "/api/v1/ca/chains/{name}" Token ca_chain;
}

/// What a path wants; the token, if it is none of ours.
pub(super) fn access(path: &str) -> Access {
    ROUTES.iter().find(|route| route.path == path).map_or(Access::Token, |route| route.access)
}

/// The table as a service, behind the guard.
pub(super) fn router(api: Arc<Api>) -> Router {
    let add = |router: Router<Arc<Api>>, route: &Route| {
        let method = Method::from_bytes(route.method.as_bytes()).ok();
        let filter = method.and_then(|method| MethodFilter::try_from(method).ok());
        router.route(route.path, (route.service)(filter.expect("the table has standard methods only")))
    };
    ROUTES
        .iter()
        .fold(Router::new(), add)
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(usize::try_from(LONGEST_BODY).expect("a mebibyte fits")))
        .layer(middleware::from_fn_with_state(api.clone(), guard::guard))
        .with_state(api)
}

/// The server, as handlers see it.
pub(super) type Server = State<Arc<Api>>;
pub(super) type Done = Result<StatusCode, Problem>;

pub(super) const DONE: StatusCode = StatusCode::NO_CONTENT;

#[derive(Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
    api: &'static str,
}

async fn version() -> Json<impl Serialize> {
    Json(Version { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), api: "v1" })
}

async fn devices(State(api): Server) -> Result<Json<Vec<Device>>, Problem> {
    api.ask(|control| control.devices()).await.map(Json)
}

async fn add_device(State(api): Server, Body(new): Body<NewDevice>) -> Result<Response, Problem> {
    let device = api.ask(move |control| control.add_device(&new.name, &new.profile)).await?;
    Ok((StatusCode::CREATED, Json(device)).into_response())
}

async fn device(State(api): Server, Name(name): Name) -> Result<Json<Device>, Problem> {
    api.ask(move |control| control.device(&name)).await.map(Json)
}

async fn delete_device(State(api): Server, Name(name): Name) -> Done {
    api.ask(move |control| control.delete_device(&name)).await.map(|()| DONE)
}

async fn reset_device(State(api): Server, Name(name): Name) -> Done {
    api.ask(move |control| control.reset_device(&name)).await.map(|()| DONE)
}

async fn power(
    State(api): Server,
    Name(name): Name,
    Body(new): Body<NewPower>,
) -> Result<Json<Device>, Problem> {
    api.ask(move |control| control.power(&name, new.power)).await.map(Json)
}

async fn insert_card(
    State(api): Server,
    Name(name): Name,
    Body(new): Body<CardPlace>,
) -> Result<Json<Device>, Problem> {
    api.ask(move |control| control.insert_card(&name, new.inserted)).await.map(Json)
}

async fn user(State(api): Server, Name(name): Name) -> Result<Json<User>, Problem> {
    api.ask(move |control| control.device(&name)).await.map(|device| Json(device.user))
}

async fn set_user(
    State(api): Server,
    Name(name): Name,
    Body(new): Body<NewUser>,
) -> Result<Json<Device>, Problem> {
    api.ask(move |control| control.set_user(&name, new.into())).await.map(Json)
}

async fn advance_clock(State(api): Server, Name(name): Name, Body(by): Body<ClockAdvance>) -> Done {
    let by = Duration::from_millis(by.advance_ms);
    api.ask(move |control| control.advance_clock(&name, by)).await.map(|()| DONE)
}

/// 204 where no question is open, nor raised in time.
async fn prompt(
    State(api): Server,
    Name(name): Name,
    Params(wait): Params<Wait>,
) -> Result<Response, Problem> {
    let prompt = match wait.patience()? {
        Some(patience) => api.ask(move |control| control.await_prompt(&name, patience)).await?,
        None => api.ask(move |control| control.prompt(&name)).await?,
    };
    Ok(prompt.map_or_else(|| DONE.into_response(), |prompt| Json(prompt).into_response()))
}

async fn answer(State(api): Server, Name(name): Name, Body(answer): Body<PromptAnswer>) -> Done {
    api.ask(move |control| control.answer(&name, answer.number, answer.gesture)).await.map(|()| DONE)
}

async fn passkeys(State(api): Server, Name(name): Name) -> Result<Json<Vec<Passkey>>, Problem> {
    api.ask(move |control| control.passkeys(&name)).await.map(Json)
}

async fn passkey(State(api): Server, NameAndId(name, id): NameAndId) -> Result<Json<Passkey>, Problem> {
    api.ask(move |control| control.passkey(&name, &id)).await.map(Json)
}

async fn rename_passkey(
    State(api): Server,
    NameAndId(name, id): NameAndId,
    Body(new): Body<NewNames>,
) -> Result<Json<Passkey>, Problem> {
    api.ask(move |control| control.rename_passkey(&name, &id, new.user_name, new.user_display_name))
        .await
        .map(Json)
}

async fn delete_passkey(State(api): Server, NameAndId(name, id): NameAndId) -> Done {
    api.ask(move |control| control.delete_passkey(&name, &id)).await.map(|()| DONE)
}

async fn fingers(State(api): Server, Name(name): Name) -> Result<Json<Vec<Finger>>, Problem> {
    api.ask(move |control| control.fingers(&name)).await.map(Json)
}

async fn add_finger(
    State(api): Server,
    Name(name): Name,
    Body(new): Body<NewFinger>,
) -> Result<Response, Problem> {
    let finger = api.ask(move |control| control.add_finger(&name, new.name)).await?;
    Ok((StatusCode::CREATED, Json(finger)).into_response())
}

async fn rename_finger(
    State(api): Server,
    NameAndId(name, id): NameAndId,
    Body(new): Body<FingerName>,
) -> Result<Json<Finger>, Problem> {
    api.ask(move |control| control.rename_finger(&name, &id, new.name)).await.map(Json)
}

async fn remove_finger(State(api): Server, NameAndId(name, id): NameAndId) -> Done {
    api.ask(move |control| control.remove_finger(&name, &id)).await.map(|()| DONE)
}

async fn ca(State(api): Server) -> Result<Json<TestCa>, Problem> {
    api.ask(|control| control.ca()).await.map(Json)
}

async fn rotate_ca(State(api): Server) -> Result<Json<TestCa>, Problem> {
    api.ask(|control| control.rotate_ca()).await.map(Json)
}

async fn metadata(
    State(api): Server,
    Body(wanted): Body<MetadataRequest>,
) -> Result<Json<Metadata>, Problem> {
    api.ask(move |control| control.metadata(&wanted)).await.map(Json)
}

async fn ca_chain(State(api): Server, Name(model): Name) -> Result<Json<Vec<Certificate>>, Problem> {
    api.ask(move |control| control.ca_chain(&model)).await.map(Json)
}

#[derive(Serialize)]
struct Reply {
    response: Base64Url,
}

/// Answers once the device does: after its user, that is.
async fn ctap2(
    State(api): Server,
    Name(name): Name,
    Body(sent): Body<Message>,
) -> Result<Json<Reply>, Problem> {
    api.ask(move |control| control.ctap2(&name, sent.link, &sent.message.0))
        .await
        .map(|response| Json(Reply { response: response.into() }))
}
