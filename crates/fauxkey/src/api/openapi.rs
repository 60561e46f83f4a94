//! The API's description for programs, OpenAPI 3.1: written by hand, and held against the table of routes and
//! against real answers by the tests.
use axum::http::header;
use axum::response::IntoResponse;

/// The document.
pub(super) const DOCUMENT: &str = include_str!("openapi.json");

/// Answers GET openapi.json.
pub(super) async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}
