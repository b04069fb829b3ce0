//! The program: what nats-server does around its protocol, around a
//! [`Server`](nats_reference_server::Server).

mod program;

use std::process::ExitCode;

/// The system's allocator gives the buffers of outboxes back to the kernel, and each fresh page has
/// to be cleared: two fifths of what a message of 1 KiB cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    program::main()
}
