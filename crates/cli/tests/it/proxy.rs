//! A TCP proxy that stops at a chosen point of a report's delivery, so that a test can kill the server exactly there.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// Where the first report stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The agent has sent it, the server has not seen it.
    BeforeReport,
    /// The server has answered, the agent has not seen it.
    BeforeAnswer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Watch for a report and stop there.
    Armed,
    /// Everything is cut.
    Cut,
    /// Pass everything.
    Open,
}

pub struct Proxy {
    address: SocketAddr,
    target: watch::Sender<(Mode, SocketAddr)>,
    reached: Arc<Notify>,
}

impl Proxy {
    pub async fn start(server: SocketAddr, at: Break) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (target, state) = watch::channel((Mode::Armed, server));
        let reached = Arc::new(Notify::new());
        let notify = reached.clone();
        tokio::spawn(async move {
            while let Ok((agent, _)) = listener.accept().await {
                let mut changes = state.clone();
                let (notify, (mode, server)) = (notify.clone(), *state.borrow());
                tokio::spawn(async move {
                    let cut = async { while changes.changed().await.is_ok() && changes.borrow().0 != Mode::Cut {} };
                    tokio::select! {
                        () = pass(agent, server, mode, at, &notify) => {}
                        () = cut => {}
                    }
                });
            }
        });
        Self { address, target, reached }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Until a report is at the chosen point.
    pub async fn reached(&self) {
        tokio::time::timeout(crate::farm::PATIENCE, self.reached.notified()).await.unwrap();
    }

    /// Drops all connections.
    pub fn cut(&mut self) {
        self.target.send_modify(|(mode, _)| *mode = Mode::Cut);
    }

    /// Passes everything to another server from now on.
    pub fn lead_to(&mut self, server: SocketAddr) {
        self.target.send_replace((Mode::Open, server));
    }
}

async fn pass(mut agent: TcpStream, server: SocketAddr, mode: Mode, at: Break, reached: &Notify) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut report = false;
    loop {
        tokio::select! {
            count = agent.read(&mut up) => {
                let Ok(count @ 1..) = count else { return };
                // The request line stands at the beginning of what the client writes.
                let line = String::from_utf8_lossy(&up[..count.min(200)]).into_owned();
                report |= mode == Mode::Armed && line.starts_with("POST") && line.contains("/report ");
                if report && at == Break::BeforeReport {
                    reached.notify_one();
                    return std::future::pending().await;
                }
                if server.write_all(&up[..count]).await.is_err() {
                    return;
                }
            }
            count = server.read(&mut down) => {
                let Ok(count @ 1..) = count else { return };
                if report {
                    reached.notify_one();
                    return std::future::pending().await;
                }
                if agent.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
