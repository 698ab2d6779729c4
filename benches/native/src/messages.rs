//! The messages that the load generator sends, and the check of the answers.

use std::io;

/// Different batches, so that an answer that belongs to another request or to
/// another connection does not pass for the right one.
const VARIANTS: usize = 16;

/// Batches of messages, built once: sending is a `write` from here, checking is
/// a comparison with the same bytes.
pub struct Messages {
    variants: Vec<Box<[u8]>>,
    /// Bytes of one message; a batch is a whole number of them.
    size: usize,
}

impl Messages {
    /// Batches of `pipeline` messages of `size` bytes each; with `lines` every
    /// message is one line of printable characters.
    pub fn new(size: usize, pipeline: usize, lines: bool) -> Self {
        let variants =
            (0..VARIANTS).map(|variant| batch(variant as u64, size, pipeline, lines)).collect();
        Self { variants, size }
    }

    /// The bytes of the `number`-th batch of a connection.
    pub fn batch(&self, connection: usize, number: usize) -> &[u8] {
        &self.variants[(connection + number) % VARIANTS]
    }

    /// Checks `received`, which follows `offset` bytes already seen of `batch`.
    ///
    /// Returns how many messages became complete by it.
    ///
    /// # Errors
    /// `InvalidData`, naming the position, when a byte differs from what was
    /// sent or when there are more bytes than were sent.
    pub fn check(&self, batch: &[u8], offset: usize, received: &[u8]) -> io::Result<u64> {
        let end = offset + received.len();
        match batch.get(offset..end) {
            Some(sent) if sent == received => Ok((end / self.size - offset / self.size) as u64),
            Some(sent) => {
                let differs = sent.iter().zip(received).position(|(a, b)| a != b);
                let position = offset + differs.unwrap_or(0);
                Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("byte {position} of the answer differs from what was sent"),
                ))
            }
            None => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{end} bytes came back, {} were sent", batch.len()),
            )),
        }
    }
}

fn batch(variant: u64, size: usize, pipeline: usize, lines: bool) -> Box<[u8]> {
    let mut state = variant.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next_byte = || {
        // Xorshift; any sequence that does not repeat within a batch would do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let mut bytes: Box<[u8]> = (0..size * pipeline).map(|_| next_byte()).collect();
    if lines {
        for line in bytes.chunks_mut(size) {
            line.iter_mut().for_each(|byte| *byte = b'a' + *byte % 26);
            line[size - 1] = b'\n';
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_passes_in_any_pieces_and_completes_each_message_once() {
        let messages = Messages::new(10, 3, false);
        let batch = messages.batch(0, 0);
        let mut complete = 0;
        for start in (0..30).step_by(4) {
            let piece = &batch[start..(start + 4).min(30)];
            complete += messages.check(batch, start, piece).unwrap();
        }
        assert_eq!(complete, 3);
    }

    #[test]
    fn a_changed_byte_is_found_and_named() {
        let messages = Messages::new(10, 1, false);
        let mut answer = messages.batch(0, 0).to_vec();
        answer[7] ^= 1;
        let error = messages.check(messages.batch(0, 0), 0, &answer);
        assert!(error.unwrap_err().to_string().contains("byte 7 "));
    }

    #[test]
    fn more_than_was_sent_is_an_error() {
        let messages = Messages::new(4, 1, false);
        let error = messages.check(messages.batch(0, 0), 2, b"abc");
        assert_eq!(error.unwrap_err().to_string(), "5 bytes came back, 4 were sent");
    }

    #[test]
    fn the_answer_to_another_request_does_not_pass() {
        let messages = Messages::new(64, 1, true);
        let other = messages.batch(0, 1).to_vec();
        assert!(messages.check(messages.batch(0, 0), 0, &other).is_err());
    }

    #[test]
    fn a_line_ends_once_at_its_end() {
        let messages = Messages::new(64, 2, true);
        let batch = messages.batch(3, 5);
        let ends: Vec<_> = (0..128).filter(|&index| batch[index] == b'\n').collect();
        assert_eq!(ends, [63, 127]);
    }
}
