//! The views of a program on aioxide: what `aioxide trace`, `aioxide trace convert` and `aioxide top` run.
//! A process of its own: nothing of this is in the program that is watched.
//!
//! | | |
//! |---|---|
//! | [`commands`] | the command line |
//! | [`timeline`] | a trace file, read into spans of time |
//! | [`process`] | processes that can be watched, and how one is asked |
//! | [`top`] | a live view in the terminal |
//! | [`web`] | a live view in the browser |
//! | [`convert`] | a timeline as a page, a picture, or another tool's trace |

pub mod commands;
pub mod convert;
pub mod escape;
pub mod lanes;
pub mod palette;
pub mod process;
pub mod timeline;
pub mod top;
pub mod units;
pub mod web;
