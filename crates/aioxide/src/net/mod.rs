//! Sockets, and other descriptors.

mod connecting;
mod descriptor;
mod racing;
mod resolving;
mod stream;
mod tcp;
mod udp;
mod unix;

pub use descriptor::Descriptor;
pub use resolving::resolve;
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixListener, UnixStream};
