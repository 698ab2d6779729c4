//! The HTTP client of `aioxide-http` on the loop: what the package `aioxide.http` is made of.
//!
//! | class | is |
//! |---|---|
//! | [`HttpPool`] | the connections of one client; sends a request in one call |
//! | [`HttpLease`] | a place in the pool: connected, or still to be connected |
//! | [`HttpExchange`] | a request that is being sent, and its response |
//! | [`HttpResponse`] | the head of a response, and its body as it arrives |

mod arguments;
mod errors;
mod exchange;
mod in_turn;
mod lease;
mod origins;
mod pool;
mod response;
mod runtime;

pub use exchange::HttpExchange;
pub use lease::HttpLease;
pub use pool::HttpPool;
pub use response::HttpResponse;
