//! Mail on its way out: what becomes of it, and what its sender is told.

mod direct;
mod disk;
mod local;
mod scene;

mod signature;
mod smarthost;
