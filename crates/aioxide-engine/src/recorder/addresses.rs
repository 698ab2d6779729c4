//! The address of a socket, in words that any thread reads without a lock.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::atomic::{AtomicU64, Ordering};

/// What tells a socket from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Host and port.
    Internet(SocketAddr),
    /// The path of a Unix socket, or its abstract name, which begins with a zero byte.
    Unix(Box<[u8]>),
}

const WORDS: usize = 3;
const BYTES: usize = 8 * WORDS;
/// What stands before a path: the tag, and the length.
const HEAD: usize = 2;
/// How many bytes of a path are kept: the last ones, which tell one socket from another.
const PATH: usize = BYTES - HEAD;

/// The first byte.
mod tag {
    pub const NONE: u8 = 0;
    pub const UNIX: u8 = 1;
    /// The end of a path that is longer.
    pub const UNIX_END: u8 = 2;
    pub const V4: u8 = 4;
    pub const V6: u8 = 6;
}

/// An [`Address`] that is replaced as a whole by one thread, and read by others. They may find parts
/// of two; the id of the record around it tells them.
#[derive(Default)]
pub(super) struct AddressCell([AtomicU64; WORDS]);

impl AddressCell {
    pub fn set(&self, address: Option<&Address>) {
        let bytes = address.map_or([tag::NONE; BYTES], packed);
        for (word, bytes) in self.0.iter().zip(bytes.as_chunks::<8>().0) {
            word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
        }
    }

    /// The address as text; empty if there is none.
    pub fn text(&self) -> String {
        let mut bytes = [0; BYTES];
        for (word, bytes) in self.0.iter().zip(bytes.as_chunks_mut::<8>().0) {
            *bytes = word.load(Ordering::Relaxed).to_le_bytes();
        }
        text_of(&bytes)
    }
}

fn packed(address: &Address) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    match address {
        Address::Internet(address) => {
            bytes[2..4].copy_from_slice(&address.port().to_le_bytes());
            match address {
                SocketAddr::V4(address) => {
                    bytes[0] = tag::V4;
                    bytes[4..8].copy_from_slice(&address.ip().octets());
                }
                SocketAddr::V6(address) => {
                    bytes[0] = tag::V6;
                    bytes[4..20].copy_from_slice(&address.ip().octets());
                    bytes[20..].copy_from_slice(&address.scope_id().to_le_bytes());
                }
            }
        }
        Address::Unix(path) if path.is_empty() => {}
        Address::Unix(path) => {
            let end = &path[path.len().saturating_sub(PATH)..];
            bytes[0] = if end.len() < path.len() { tag::UNIX_END } else { tag::UNIX };
            bytes[1] = end.len() as u8;
            bytes[HEAD..HEAD + end.len()].copy_from_slice(end);
        }
    }
    bytes
}

fn text_of(bytes: &[u8; BYTES]) -> String {
    let port = u16::from_le_bytes([bytes[2], bytes[3]]);
    let path = || &bytes[HEAD..][..usize::from(bytes[1]).min(PATH)];
    match bytes[0] {
        tag::V4 => {
            let [a, b, c, d] = [bytes[4], bytes[5], bytes[6], bytes[7]];
            SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), port).to_string()
        }
        tag::V6 => {
            let octets: [u8; 16] = std::array::from_fn(|index| bytes[4 + index]);
            let scope = u32::from_le_bytes(std::array::from_fn(|index| bytes[20 + index]));
            SocketAddrV6::new(Ipv6Addr::from(octets), port, 0, scope).to_string()
        }
        tag::UNIX => shown(path()).into_owned(),
        tag::UNIX_END => {
            // The cut may be within a character.
            let path = path();
            let begin = path.iter().position(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
            format!("…{}", shown(&path[begin..]))
        }
        _ => String::new(),
    }
}

/// An abstract name with `@` in the place of the zero byte, as `ss` and `netstat` show it.
fn shown(path: &[u8]) -> Cow<'_, str> {
    match path {
        [0, name @ ..] => format!("@{}", String::from_utf8_lossy(name)).into(),
        path => String::from_utf8_lossy(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(address: &Address) -> String {
        let cell = AddressCell::default();
        cell.set(Some(address));
        cell.text()
    }

    #[test]
    fn internet_addresses_are_read_as_they_were_set() {
        for written in ["127.0.0.1:80", "255.1.2.3:65535", "[::1]:443", "[fe80::1%7]:1"] {
            assert_eq!(text(&Address::Internet(written.parse().unwrap())), written);
        }
    }

    #[test]
    fn a_unix_socket_shows_its_path_or_the_end_of_it() {
        let unix = |path: &[u8]| text(&Address::Unix(path.into()));
        assert_eq!(unix(b"/run/app.sock"), "/run/app.sock");
        assert_eq!(unix(b"\0dbus"), "@dbus");
        assert_eq!(unix(b"/0123456789012345678.s"), "/0123456789012345678.s");
        assert_eq!(unix(b"/run/postgresql/.s.PGSQL.5432"), "…stgresql/.s.PGSQL.5432");
        assert_eq!(unix("/run/äöüäöüäöüäöüäöü.sock".as_bytes()), "…öüäöüäöü.sock");
    }

    #[test]
    fn none_is_the_empty_text() {
        let cell = AddressCell::default();
        assert_eq!(cell.text(), "");
        cell.set(Some(&Address::Unix(b"/run/app.sock".as_slice().into())));
        cell.set(Some(&Address::Unix([].into())));
        assert_eq!(cell.text(), "");
        cell.set(None);
        assert_eq!(cell.text(), "");
    }
}
