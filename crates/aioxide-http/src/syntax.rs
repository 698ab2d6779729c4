//! Which bytes may stand where, and how lists are written (RFC 9110 §5).

/// tchar of RFC 9110 §5.6.2.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
                | b'`' | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'
        );
        byte += 1;
    }
    table
};

/// What a field value consists of (RFC 9110 §5.5): everything but controls, with HTAB.
static FIELD_VALUE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, b'\t' | b' '..=b'~' | 0x80..);
        byte += 1;
    }
    table
};

/// Whether this can be a method or the name of a header.
#[inline]
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| TOKEN[byte as usize])
}

#[inline]
pub(crate) fn is_field_value(bytes: &[u8]) -> bool {
    // Without a branch per byte, so that the compiler can take several at once.
    bytes.iter().fold(true, |valid, &byte| valid & (byte >= b' ' || byte == b'\t') & (byte != 0x7f))
}

/// Whether a byte may be in a value, or in a chunk extension.
#[inline]
pub(crate) fn is_field_byte(byte: u8) -> bool {
    FIELD_VALUE[byte as usize]
}

/// Whether a target consists of visible ASCII (RFC 3986 allows less; what servers
/// are sent in practice is more).
#[inline]
pub(crate) fn is_target(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic)
}

/// Without spaces and tabs at both ends (OWS of RFC 9110 §5.6.3).
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list; empty ones are left out (RFC 9110
/// §5.6.1). Not for lists whose elements can be quoted strings.
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim).filter(|element| !element.is_empty())
}
