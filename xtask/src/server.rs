//! A Sigyn server in a directory of its own, stopped when dropped.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http;

/// A started `sigyn` with its data, configuration and log in `dir`.
#[derive(Debug)]
pub(crate) struct Server {
    pub url: String,
    pub dir: PathBuf,
    child: Child,
}

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// Tools push faster and older entries than the defaults take; what queries may do stays as users have it.
pub(crate) const LIMITS: &str = "\
limits:
  ingestion_rate_mb: 100000
  ingestion_burst_size_mb: 100000
  reject_old_samples: false
";

impl Server {
    /// Starts `binary` with its data under `dir` and waits until it is ready.
    pub(crate) fn start(binary: &Path, dir: &Path) -> Result<Self> {
        let data = dir.join("data");
        fs::create_dir_all(&data).with_context(|| format!("creating {}", data.display()))?;
        let bucket = fs::canonicalize(&data)?;
        Self::start_configured(binary, dir, &format!("storage:\n  bucket: file://{}\n{LIMITS}", bucket.display()))
    }

    /// As [`Server::start`], with a configuration that lacks only `server:`.
    pub(crate) fn start_configured(binary: &Path, dir: &Path, settings: &str) -> Result<Self> {
        if !binary.exists() {
            bail!("{} is not there; build it first: cargo build [--release] --bin sigyn", binary.display());
        }
        fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        let port = free_port()?;
        let config = dir.join("sigyn.yaml");
        fs::write(
            &config,
            format!("server:\n  http_listen_address: 127.0.0.1\n  http_listen_port: {port}\n{settings}"),
        )?;
        let log = File::create(dir.join("sigyn.log"))?;
        let child = Command::new(binary)
            .arg(format!("-config.file={}", config.display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let mut server = Self { url: format!("http://127.0.0.1:{port}"), dir: dir.to_owned(), child };
        server.wait_until_ready()?;
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if http::get(&format!("{}/ready", self.url)).is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("sigyn ended with {status} before it was ready; its log says:\n{}", self.log_tail());
            }
            if Instant::now() > deadline {
                bail!("sigyn was not ready within {READY_WITHIN:?}; its log says:\n{}", self.log_tail());
            }
            pause(Duration::from_millis(20));
        }
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.dir.join("sigyn.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM first, so that the server can flush; std can only send SIGKILL.
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + STOPS_WITHIN;
        while asked.as_ref().is_ok_and(std::process::ExitStatus::success) && Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            pause(Duration::from_millis(20));
        }
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Blocks this thread; the tools have no async threads to block.
#[expect(clippy::disallowed_methods, reason = "a tool without an async runtime polls a process")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
