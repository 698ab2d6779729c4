//! Names of hosts.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use crate::thread::to_thread;

/// The addresses of `host` and `port`, in the order in which they are to be tried: asyncio's
/// `getaddrinfo`. A numeric address is read at once; a name is looked up by the system, in a
/// thread.
///
/// # Errors
///
/// If the name cannot be resolved. The error names it.
///
/// # Cancellation
///
/// The look-up cannot be interrupted; its thread goes on, and the result is dropped.
pub async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let numeric = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = numeric.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    let found = to_thread(move || (name, port).to_socket_addrs().map(Vec::from_iter)).await;
    match found {
        Ok(addresses) if !addresses.is_empty() => Ok(addresses),
        Ok(_) => Err(io::Error::new(io::ErrorKind::NotFound, format!("{host:?} has no address"))),
        Err(error) => {
            Err(io::Error::new(error.kind(), format!("cannot resolve {host:?}: {error}")))
        }
    }
}
