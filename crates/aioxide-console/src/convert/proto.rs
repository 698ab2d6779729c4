//! The encoding of protocol buffers: what Perfetto's few messages need.

/// The bytes of one message.
#[derive(Clone, Debug, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// Empties the message, and keeps its memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u32, wire_type: u64) {
        self.varint(u64::from(field) << 3 | wire_type);
    }

    /// A field of an integer or an enumeration.
    pub fn uint(&mut self, field: u32, value: u64) {
        self.tag(field, 0);
        self.varint(value);
    }

    /// A field of type `fixed64`.
    pub fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A field of bytes, or of a text.
    pub fn data(&mut self, field: u32, value: &[u8]) {
        self.head(field, value.len());
        self.0.extend_from_slice(value);
    }

    /// A field that is a message.
    pub fn message(&mut self, field: u32, value: &Message) {
        self.data(field, &value.0);
    }

    /// What stands before the bytes of a message of this length that is a field.
    pub fn head(&mut self, field: u32, length: usize) {
        self.tag(field, 2);
        self.varint(length as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn fields_are_the_bytes_that_the_specification_of_the_encoding_shows() {
        let mut message = Message::default();
        message.uint(1, 150);
        message.data(2, b"testing");
        let mut outer = Message::default();
        outer.message(3, &message);
        outer.fixed64(16, 1);
        assert_eq!(outer.bytes(), b"\x1a\x0c\x08\x96\x01\x12\x07testing\x81\x01\x01\0\0\0\0\0\0\0");
    }
}
