//! The stand-in `libudev.so.1` by which an unmodified program sees fauxkey's virtual devices.
//!
//! `fauxkey exec` names it in `LD_PRELOAD`. It does two things in the program, and nothing to programs that never
//! ask for hidraw devices:
//!
//! - `udev`: it is `libudev.so.1`, by its SONAME, its symbols and their versions. It forwards everything to the
//!   real library, where the machine has one, and adds our devices to what is found and watched;
//! - `hidraw`: `open` of one of our device names becomes a connection to the device's socket, and what a program
//!   then asks of the descriptor is answered as `/dev/hidraw` would.
//!
//! What devices there are is in a folder that `fauxkey` keeps (`bus`); the environment names it.
//!
//! # Rules
//! A program may have put its children in a sandbox, where a system call that nobody expects is death. So nothing
//! here makes a system call that the program did not ask for, unless it is about one of our devices: whether a
//! call is about one is told from its arguments and from what the real function answered. Real functions are found
//! by `dlsym(RTLD_NEXT, …)`.
//!
//! Written for Linux with glibc on x86-64 and aarch64; it has been tried on x86-64 alone. On both, a function that
//! is declared with a variable third argument, as `open` is, may be defined with a fixed one (System V AMD64 ABI
//! §3.5.7; AAPCS64 §6.8.2: named and variable integers of these calls go in the same registers).
#![no_std]

extern crate alloc;

mod bus;
mod hidraw;
mod next;
mod runtime;
mod udev;
