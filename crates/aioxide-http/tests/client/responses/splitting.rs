//! However a response is split or cut off.

use super::*;

const RESPONSES: &[(&str, &str, bool)] = &[
    (OK, "ok", false),
    ("HTTP/1.1 103 \r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", false),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n\
         0\r\nA: b\r\n\r\n",
        "abcde",
        false,
    ),
    ("HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", true),
    ("HTTP/1.1 204 \r\nX: y\r\n\r\n", "", false),
];

/// What comes of a response that arrives in these pieces.
fn outcome(pieces: &[&str], ends: bool) -> (Result<Vec<u8>, Error>, (usize, usize, usize)) {
    let (world, pool) = world();
    let what = get(1);
    let sent = aioxide_http::client::request(pool.clone(), what);
    let task = world.spawn(async move { sent.await?.read_all().await });
    for piece in pieces {
        world.wire(0).send(piece);
        world.run();
    }
    if ends {
        world.wire(0).end();
    }
    let result = task.result();
    assert_eq!(world.open(), pool.idle());
    (result, counts(&pool))
}

#[test]
fn the_pieces_make_no_difference() {
    for &(response, body, ends) in RESPONSES {
        for at in 0..=response.len() {
            let (first, second) = response.split_at(at);
            let (read, left) = outcome(&[first, second], ends);
            assert_eq!(read.unwrap(), body.as_bytes(), "{response} at {at}");
            assert_eq!(left, (usize::from(!ends), 0, 0));
        }
        let bytes: Vec<_> = response.split("").collect();
        assert_eq!(outcome(&bytes, ends).0.unwrap(), body.as_bytes());
    }
}

/// Cut off at every byte, it is an error, or the end of the connection ends the body.
#[test]
fn every_truncation_is_noticed() {
    for &(response, body, ends) in RESPONSES {
        let end_of_head = response.rfind("200 OK").map_or(response.len(), |start| {
            start + response[start..].find("\r\n\r\n").unwrap() + 4
        });
        for at in 0..response.len() {
            let (read, left) = outcome(&[&response[..at]], true);
            assert_eq!(left, (0, 0, 0));
            match read {
                Err(Error::Disconnected { is_reused: false, has_begun, .. }) => {
                    assert!(at < end_of_head && has_begun == (at > 0));
                }
                Err(Error::IncompleteBody { received, .. }) => {
                    assert!(!ends && at >= end_of_head && received <= body.len() as u64);
                }
                Ok(read) => {
                    assert!(ends && at >= end_of_head && body.as_bytes().starts_with(&read));
                }
                Err(error) => panic!("{error} at {at} of {response}"),
            }
        }
    }
}
