//! The `lambent` command as a library: what `lambent dev` runs, so that tests can run it too.

pub mod dev;
pub mod key_table;
