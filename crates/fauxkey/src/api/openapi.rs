//! The API's description for programs, OpenAPI 3.1: written by hand, and held against the table of routes and
//! against real answers by the tests.
use axum::http::header;
use axum::response::IntoResponse;

/// The document.
pub(super) const DOCUMENT: &str = concat!(
    r#"{ "openapi": "3.1.0", "servers": [{ "url": "/" }], "security": [{ "bearer": [] }], "info": "#,
    include_str!("openapi/info.json"),
    r#", "tags": "#,
    include_str!("openapi/tags.json"),
    r#", "paths": "#,
    include_str!("openapi/paths.json"),
    r#", "components": "#,
    include_str!("openapi/components.json"),
    "}"
);

/// Answers GET openapi.json.
pub(super) async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}
