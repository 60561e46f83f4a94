//! Prints every mutation of a registration and of a sign-in as JSON, for judges that are not written in Rust:
//! `tests/peers/mutations.py`.
use std::io::{self, Write};

fn main() -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", tests::mutations::to_json())
}
