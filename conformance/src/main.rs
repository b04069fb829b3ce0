//! The program `nats-conformance`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
