//! What the rows of HTTP clients need beside the client.
//!
//! - [`server`]: answers with JSON, long bodies, failures and delays.
//! - [`load`]: requests for a web application, whose answers are counted and timed.
//!
//! Neither is a HTTP implementation for anything else: both know their peers.

pub mod load;
pub mod request;
pub mod response;
pub mod server;
