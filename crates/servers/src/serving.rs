//! An HTTP/1 server on a free port, stopped when dropped.

use std::net::SocketAddr;

use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

/// Why a test's server did not start or answer.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Serving {
    /// Stops with `task`, which listens on `address`.
    pub(crate) fn of(address: SocketAddr, task: AbortHandle) -> Self {
        Self { address, task }
    }

    /// Serves on a free port of 127.0.0.1. A service that fails closes its connection without an answer.
    ///
    /// Errors: no port is free.
    pub(crate) async fn start<S, B>(service: S) -> std::io::Result<Self>
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(async move {
            // Connections end with the server: the set aborts them when it is dropped.
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                while connections.try_join_next().is_some() {}
                let _ = stream.set_nodelay(true);
                let service = service.clone();
                connections.spawn(async move {
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
                });
            }
        });
        Ok(Self { address, task: accepting.abort_handle() })
    }
}
