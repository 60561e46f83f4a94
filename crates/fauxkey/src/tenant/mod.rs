//! The tenant's house in the binary: what keeps it, serves it and asks it.
//!
//! | module | what |
//! |---|---|
//! | `host` | a tenant that runs, with its clock |
//! | `store` | its records in the vault |
//! | `graph` | requests in the shape of Microsoft Graph, answered |
//! | `pages` | pages for administrators and users, and the JSON that they ask for |
//! | `serve` | the server: Graph for who has the token, pages for everybody |
//! | `reach` | the way to a tenant that runs, or to the one of this home |
pub mod graph;
pub mod host;
mod pages;
pub mod reach;
pub mod serve;
mod store;
