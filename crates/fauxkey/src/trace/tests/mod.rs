//! Traces of devices that are real here, and files that are not.
mod collected;
mod files;
mod redacted;
