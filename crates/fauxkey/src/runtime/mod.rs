//! Virtual devices with a clock and threads: one thread owns one device, everybody else sends it inputs.
mod device;

pub use device::{DeviceHandle, Gone, spawn};
