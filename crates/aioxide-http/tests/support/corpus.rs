//! Responses of every kind, valid and not, each with the method that was asked with.

/// Method, response, and whether the server closes the connection behind it.
pub const RESPONSES: &[(&[u8], &[u8], bool)] = &[
    (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
    (b"GET", b"HTTP/1.1 204\r\n\r\n", false),
    (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false),
    (b"GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", false),
    (b"GET", b"HTTP/1.0 200 OK\r\n\r\nuntil the end", true),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nuntil the end", true),
    (
        b"GET",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
          5\r\nhello\r\n00A;a=\"b c\";d\r\n0123456789\r\n0 ;e\r\nDigest: x\r\nB:\r\n\r\n",
        false,
    ),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false),
    (
        b"GET",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
        false,
    ),
    (
        b"GET",
        b"HTTP/1.1 200 \xfcber\r\nA: b\r\n\t c \r\nD:\r\n e\r\nContent-Length: 0\r\n\r\n",
        false,
    ),
    (b"CONNECT", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x16\x03\x01tunnel", false),
    (b"CONNECT", b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", false),
    (
        b"GET",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n\
          1\r\na\r\n0\r\n\r\n",
        false,
    ),
    // Cut off.
    (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", true),
    (b"GET", b"HTTP/1.1 200 OK\r\nContent-Le", true),
    (b"GET", b"", true),
    // Not valid.
    (b"GET", b"HTTP/1.1 204\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nA: b\n\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", false),
    (b"GET", b"HTTP/2.0 200 OK\r\n\r\n", false),
    (b"GET", b"SSH-2.0-OpenSSH\r\n", false),
    (b"GET", b"HTTP/1.1 101 Switching\r\n\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 5\r\nhello\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;\0\r\nhello\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\rhello\r\n", false),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na b: c\r\n\r\n", false),
];
