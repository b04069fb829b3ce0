#![no_main]
#[path = "../checks/connect.rs"]
mod connect;

libfuzzer_sys::fuzz_target!(|data: &[u8]| connect::check(data));
