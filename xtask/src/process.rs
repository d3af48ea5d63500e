//! What Linux says about a running process: CPU time and memory. Elsewhere every number is absent.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A process whose numbers are read from `/proc`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pub pid: u32,
    ticks_per_second: f64,
}

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid, ticks_per_second: ticks_per_second() }
    }

    /// User and system CPU seconds used so far, all threads.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // The command name may hold spaces; the fields after its closing parenthesis are plain.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let user: f64 = fields.get(11)?.parse().ok()?;
        let system: f64 = fields.get(12)?.parse().ok()?;
        Some((user + system) / self.ticks_per_second)
    }

    /// Largest resident memory so far, in bytes.
    pub(crate) fn peak_resident_bytes(&self) -> Option<u64> {
        self.status_bytes("VmHWM:")
    }

    /// Resident memory now, in bytes.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        self.status_bytes("VmRSS:")
    }

    fn status_bytes(&self, key: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }
}

/// `sysconf(_SC_CLK_TCK)` by way of `getconf`; 100 on every Linux in use.
fn ticks_per_second() -> f64 {
    let output = Command::new("getconf").arg("CLK_TCK").output().ok();
    output.and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse().ok()).unwrap_or(100.0)
}

/// Bytes of all files under `path`; what vanishes while looking counts as nothing.
pub(crate) fn directory_bytes(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => directory_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
