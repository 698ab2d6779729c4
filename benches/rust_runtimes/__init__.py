"""The rows of the Rust crate: aioxide beside tokio's current-thread runtime and smol."""
