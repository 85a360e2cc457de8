//! The processes that a test has started, by name: for those that kill some.

use std::fs;

/// The ids of the processes of this name that this one has started, and that are not stopped at the moment.
///
/// # Panics
/// Where there is no `/proc`.
#[must_use]
pub fn running(name: &str) -> Vec<i32> {
    let own = std::process::id().to_string();
    // The kernel keeps 15 bytes of a name.
    let name = format!("{})", &name[..name.len().min(15)]);
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (before, after) = (stat.split_once('(')?, stat.rsplit_once(") ")?.1);
            let fields: Vec<_> = after.split(' ').collect();
            let is_one = before.1.starts_with(&name) && fields[1] == own;
            (is_one && !["T", "Z", "X"].contains(&fields[0])).then(|| before.0.trim().parse().ok())?
        })
        .collect()
}
