//! refgate: an object store and delivery gateway that speaks Alibaba Cloud OSS's protocol and
//! decides, for every download, who may embed it.
//!
//! The layers and who may import whom are described in `ARCHITECTURE.md` and held by
//! `tests/layering.rs`.

pub mod blob;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod meta;
pub mod service;
pub mod wire;
