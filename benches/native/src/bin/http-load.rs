//! Requests for a web application: `http-load ADDRESS:PORT PATH CONNECTIONS SECONDS`.
//!
//! Prints one line of JSON: how many were answered, in how long, and how long one took.

use std::error::Error;
use std::time::Duration;

use aioxide_bench_native::http::load;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, connections, seconds] = &arguments[..] else {
        return Err("usage: http-load ADDRESS:PORT PATH CONNECTIONS SECONDS".into());
    };
    let lasting = Duration::from_secs_f64(seconds.parse()?);
    let report = load::run(address.parse()?, path, connections.parse()?, lasting)?;
    println!("{report}");
    Ok(())
}
