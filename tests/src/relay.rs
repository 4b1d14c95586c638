//! What every proxy of these tests begins with: a port of its own, and for each client a connection to the server.

use std::net::SocketAddr;

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// One connection through a proxy.
pub(crate) trait Carry: Send + 'static {
    /// Carries bytes between the two until it is over.
    fn carry(self, client: TcpStream, server: TcpStream) -> impl Future<Output = ()> + Send;
}

/// Takes connections until it is dropped; those that it took end by themselves.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Starts one in front of `server`. `open` is called for each connection as it is taken, with its number from 0.
    pub(crate) async fn start<C: Carry>(server: SocketAddr, open: impl FnMut(u64) -> C + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let accepting = tokio::spawn(accept(listener, server, open));
        Self { address, accepting }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept<C: Carry>(listener: TcpListener, server: SocketAddr, mut open: impl FnMut(u64) -> C) {
    for number in 0.. {
        let (client, _) = listener.accept().await.expect("a connection");
        let line = open(number);
        tokio::spawn(async move {
            // A server that is not there is met by its clients as a connection that ends at once.
            if let Ok(server) = TcpStream::connect(server).await {
                for socket in [&client, &server] {
                    socket.set_nodelay(true).expect("the option can be set");
                }
                line.carry(client, server).await;
            }
        });
    }
}
