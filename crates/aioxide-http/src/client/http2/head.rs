//! Heads of messages: from what HTTP/1.1 would send to what h2 sends, and back.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, Uri};

use crate::error::{Error, Excerpt};
use crate::{Fields, Limit, Limits, ResponseHead, syntax};

/// What belongs to a connection of HTTP/1.1 (RFC 9113 §8.2.2), and what `:authority` takes the
/// place of. `TE` may say `trailers`.
const LEFT_OUT: [&[u8]; 8] = [
    b"connection",
    b"host",
    b"http2-settings",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"transfer-encoding",
    b"upgrade",
];

/// A cookie shorter than this can be guessed when its compressed size is seen, so it is never
/// indexed (RFC 7541 §7.1.3).
const SHORT_COOKIE: usize = 20;

/// The head of a request for h2, from the one that was checked and written for HTTP/1.1.
pub(super) fn request(head: &[u8]) -> Result<Request<()>, Error> {
    let mut lines = lines(head);
    let line = lines.next().unwrap_or_default();
    let mut parts = line.split(|&byte| byte == b' ');
    let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let fields: Vec<(&[u8], &[u8])> = lines.map(field).collect();
    let mut headers = HeaderMap::new();
    let mut host: &[u8] = b"";
    for &(name, value) in &fields {
        if name.eq_ignore_ascii_case(b"host") {
            host = value;
        }
        if is_left_out(name, value, &fields) {
            continue;
        }
        let (name, value) = pair(name, value)?;
        add(&mut headers, name, value)?;
    }
    let mut request = Request::new(());
    *request.method_mut() =
        Method::from_bytes(method).map_err(|_| Error::InvalidMethod(Excerpt::new(method)))?;
    if *request.method() == Method::CONNECT {
        // A tunnel would be a stream, for which the program has no transport.
        return Err(Error::InvalidMethod(Excerpt::new(method)));
    }
    *request.uri_mut() = uri(target, host)?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Trailers of a request.
pub(super) fn trailers(trailers: &[(&[u8], &[u8])]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for &(name, value) in trailers {
        let (name, value) = pair(name, value)?;
        add(&mut headers, name, value)?;
    }
    Ok(headers)
}

/// There is room for some ten thousands.
fn add(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) -> Result<(), Error> {
    let refused = Excerpt::new(name.as_str().as_bytes());
    headers.try_append(name, value).map(drop).map_err(|_| Error::InvalidHeaderName(refused))
}

/// The head of a response, within the limits.
pub(super) fn response(response: &Response<()>, limits: &Limits) -> Result<ResponseHead, Error> {
    let fields = received(response.headers(), limits)?;
    Ok(ResponseHead::of_http2(response.status().as_u16(), fields))
}

/// Headers or trailers that were received, within the limits. Those of the same name are beside
/// each other, where the first of them stood.
pub(super) fn received(headers: &HeaderMap, limits: &Limits) -> Result<Fields, Error> {
    if headers.len() > limits.header_count as usize {
        return Err(Error::TooLarge { limit: Limit::HeaderCount, value: limits.header_count });
    }
    let pairs = headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    Ok(Fields::from_pairs(pairs))
}

/// The lines of a head without the empty one. They were checked when they were written: there is
/// no CR within one.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = memchr::memchr(b':', line).unwrap_or(line.len());
    (&line[..colon], syntax::trim(line.get(colon + 1..).unwrap_or_default()))
}

fn is_left_out(name: &[u8], value: &[u8], fields: &[(&[u8], &[u8])]) -> bool {
    if name.eq_ignore_ascii_case(b"te") {
        return !value.eq_ignore_ascii_case(b"trailers");
    }
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    LEFT_OUT.iter().any(|left_out| is(left_out))
        // What `Connection` names.
        || fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"connection")).any(
            |(_, options)| options.split(|&byte| byte == b',').any(|option| is(syntax::trim(option))),
        )
}

fn pair(name: &[u8], value: &[u8]) -> Result<(HeaderName, HeaderValue), Error> {
    let refused =
        || Error::InvalidHeaderValue { name: Excerpt::new(name), value: Excerpt::new(value) };
    let parsed =
        HeaderName::from_bytes(name).map_err(|_| Error::InvalidHeaderName(Excerpt::new(name)))?;
    let mut value = HeaderValue::from_bytes(value).map_err(|_| refused())?;
    let is_secret = match parsed.as_str() {
        "authorization" | "proxy-authorization" => true,
        "cookie" => value.len() < SHORT_COOKIE,
        _ => false,
    };
    value.set_sensitive(is_secret);
    Ok((parsed, value))
}

/// `:scheme`, `:authority` and `:path`. HTTP/2 is spoken over TLS only here.
fn uri(target: &[u8], host: &[u8]) -> Result<Uri, Error> {
    let refused = || Error::InvalidTarget(Excerpt::new(target));
    let path = if target.starts_with(b"/") || target == b"*" {
        PathAndQuery::try_from(target).map_err(|_| refused())?
    } else {
        let absolute = Uri::try_from(target).map_err(|_| refused())?;
        absolute.path_and_query().cloned().ok_or_else(refused)?
    };
    let authority = Authority::try_from(host).map_err(|_| Error::InvalidHeaderValue {
        name: Excerpt::new(b"Host"),
        value: Excerpt::new(host),
    })?;
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTPS);
    parts.authority = Some(authority);
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(head: &str) -> Request<()> {
        request(head.replace('\n', "\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn the_line_and_host_become_pseudo_headers() {
        let request = written("POST /a?b=c HTTP/1.1\nHost: example.org:8443\nX-Y: z\n\n");
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://example.org:8443/a?b=c");
        let headers: Vec<_> = request.headers().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(headers, ["x-y"]);
        assert_eq!(written("OPTIONS * HTTP/1.1\nHost: a\n\n").uri().path(), "*");
    }

    #[test]
    fn what_belongs_to_a_connection_is_left_out() {
        let request = written(
            "GET / HTTP/1.1\nHost: a\nConnection: keep-alive, X-Hop\nKeep-Alive: 1\nX-Hop: 1\n\
             Upgrade: h2c\nTransfer-Encoding: chunked\nTE: gzip\nProxy-Connection: close\n\
             Accept: */*\n\n",
        );
        let headers: Vec<_> = request.headers().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(headers, ["accept"]);
        assert_eq!(
            written("GET / HTTP/1.1\nHost: a\nTE: trailers\n\n").headers()["te"],
            "trailers"
        );
    }

    #[test]
    fn secrets_are_never_indexed() {
        let request = written("GET / HTTP/1.1\nHost: a\nAuthorization: b\nCookie: c=d\nX: y\n\n");
        let secret = |name: &str| request.headers()[name].is_sensitive();
        assert!(secret("authorization") && secret("cookie") && !secret("x"));
    }
}
