//! A share of a CPU, as Lambda gives it: the kernel's CPU bandwidth control, by cgroup v1 or v2.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;

/// In microseconds. With the kernel's 100 ms a process could use 15 ms before it is ever held.
const PERIOD: f64 = 20_000.0;

/// A group whose processes share a part of one CPU. Removed when this is dropped and its processes have ended.
#[derive(Debug)]
pub(crate) struct Quota(PathBuf);

impl Quota {
    pub(crate) fn new(share: f64) -> anyhow::Result<Self> {
        let name = format!("lambent-cold-start-{}", std::process::id());
        let quota = format!("{:.0}", PERIOD * share);
        let (root, settings): (&str, &[(&str, String)]) = if Path::new("/sys/fs/cgroup/cpu").is_dir() {
            (
                "/sys/fs/cgroup/cpu",
                &[
                    ("cpu.cfs_period_us", format!("{PERIOD:.0}")),
                    ("cpu.cfs_quota_us", quota),
                ],
            )
        } else {
            ("/sys/fs/cgroup", &[("cpu.max", format!("{quota} {PERIOD:.0}"))])
        };
        let group = Self(Path::new(root).join(name));
        fs::create_dir(&group.0).with_context(|| group.0.display().to_string())?;
        for (file, value) in settings {
            let file = group.0.join(file);
            fs::write(&file, value).with_context(|| file.display().to_string())?;
        }
        Ok(group)
    }

    /// Where a process writes its id to enter. Resolves when those of the run before have left: a large process takes its share
    /// of the CPU to end, too.
    pub(crate) async fn entrance(&self) -> anyhow::Result<PathBuf> {
        let processes = self.0.join("cgroup.procs");
        while !fs::read_to_string(&processes)?.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(processes)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // With a process left in it, it stays.
        let _ = fs::remove_dir(&self.0);
    }
}
