//! The server, asked over its socket as anybody would ask it.
mod events;
mod extension;
mod guard;
mod openapi;
mod page;
mod phone;
mod routes;
mod serving;
mod trace;
