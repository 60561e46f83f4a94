//! The target `ctaphid` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::ctaphid::run(data));
