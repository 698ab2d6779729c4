//! What the server answers, by the path of the request.

use std::sync::LazyLock;
use std::time::Duration;

use crate::http::request::Head;

/// A document of exactly this many bytes.
const JSON_BYTES: usize = 1024;

/// What long bodies are made of.
pub static BLOCK: [u8; 256 * 1024] = [b'x'; 256 * 1024];

/// An answer, and what is to happen around it.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// How long it is held back.
    pub delay: Duration,
    /// The head, with the body if that is short.
    pub bytes: Vec<u8>,
    /// Bytes of [`BLOCK`] that follow.
    pub block_bytes: u64,
    /// The connection is cut instead.
    pub cuts: bool,
}

static JSON: LazyLock<Vec<u8>> = LazyLock::new(|| with_body("200 OK", &document()));

/// A document as the API of a language model answers with: few fields, one of them long.
fn document() -> String {
    let before = concat!(
        r#"{"id":"cmpl-7d1f2d9e4a5b4c3d","object":"completion","created":1796000000,"#,
        r#""model":"bench-1","choices":[{"index":0,"message":{"role":"assistant","content":""#
    );
    let after = concat!(
        r#""},"finish_reason":"stop"}],"#,
        r#""usage":{"prompt_tokens":17,"completion_tokens":150,"total_tokens":167}}"#
    );
    let content: String = "every word of this answer has six letters or fewer. "
        .chars()
        .cycle()
        .take(JSON_BYTES - before.len() - after.len())
        .collect();
    format!("{before}{content}{after}")
}

fn with_body(status: &str, body: &str) -> Vec<u8> {
    (head(status, "application/json", body.len() as u64) + body).into_bytes()
}

/// Six fields, as the answers of common servers have.
fn head(status: &str, kind: &str, length: u64) -> String {
    format!(
        "HTTP/1.1 {status}\r\n\
         server: bench\r\n\
         date: Sun, 29 Nov 2026 09:00:00 GMT\r\n\
         content-type: {kind}\r\n\
         content-length: {length}\r\n\
         cache-control: no-store\r\n\
         x-request-id: 7d1f2d9e4a5b4c3d\r\n\r\n"
    )
}

/// The answer to a request:
///
/// | path | answer |
/// |---|---|
/// | `/json` | a document of 1 KiB |
/// | `/slow/MS` | the same after so many milliseconds |
/// | `/bytes/COUNT` | so many bytes |
/// | `/sink` | how many bytes the body had |
/// | `/status/CODE` | that status |
/// | `/drop` | none: the connection is cut |
pub fn respond(request: &Head) -> Response {
    let mut parts = request.path.splitn(3, '/').skip(1);
    let (kind, number) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let number = number.split('/').next().unwrap_or_default().parse().ok();
    let mut response =
        Response { delay: Duration::ZERO, bytes: Vec::new(), block_bytes: 0, cuts: false };
    match (kind, number) {
        ("json", _) => response.bytes.clone_from(&JSON),
        ("slow", Some(milliseconds)) => {
            response.bytes.clone_from(&JSON);
            response.delay = Duration::from_millis(milliseconds);
        }
        ("bytes", Some(count)) => {
            response.bytes = head("200 OK", "application/octet-stream", count).into_bytes();
            response.block_bytes = count;
        }
        ("sink", _) => {
            response.bytes =
                with_body("200 OK", &format!(r#"{{"received":{}}}"#, request.received));
        }
        ("status", Some(code)) => {
            response.bytes = with_body(&format!("{code} As Asked"), r#"{"error":"as asked"}"#);
        }
        ("drop", _) => response.cuts = true,
        _ => response.bytes = with_body("404 Not Found", "{}"),
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_its_size() {
        assert_eq!(document().len(), JSON_BYTES);
    }

    #[test]
    fn the_path_says_what_is_answered() {
        let to = |path: &str| respond(&Head { path: path.into(), received: 7, expects: false });
        assert!(to("/json/17").bytes.starts_with(b"HTTP/1.1 200"));
        assert_eq!(to("/slow/20/3").delay, Duration::from_millis(20));
        assert_eq!(to("/bytes/1000000").block_bytes, 1_000_000);
        assert!(to("/sink").bytes.ends_with(br#"{"received":7}"#));
        assert!(to("/status/500").bytes.starts_with(b"HTTP/1.1 500"));
        assert!(to("/drop").cuts);
        assert!(to("/nothing").bytes.starts_with(b"HTTP/1.1 404"));
    }
}
