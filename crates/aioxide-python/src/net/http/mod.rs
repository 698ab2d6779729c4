//! The HTTP client of `aioxide-http` on the loop: what the package `aioxide.http` is made of.
//!
//! | class | is |
//! |---|---|
//! | [`HttpPool`] | the connections of one client; sends a request in one call |
//! | [`HttpLease`] | a place in the pool: connected, or still to be connected |
//! | [`HttpExchange`] | a request that is being sent, and its response |
//! | [`HttpResponse`] | the head of a response, and its body as it arrives |
//! | [`parse_json`] | the object that a body in JSON stands for |

mod arguments;
mod errors;
mod exchange;
mod header_blocks;
mod in_turn;
mod json;
mod lease;
mod origins;
mod pool;
mod response;
mod runtime;

pub use exchange::HttpExchange;
pub use json::parse_json;
pub use lease::HttpLease;
pub use pool::HttpPool;
pub use response::HttpResponse;
