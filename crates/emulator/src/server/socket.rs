//! A TCP connection that can end with a reset.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};

/// Asks for the end of a connection by a reset.
#[derive(Debug, Default)]
pub(super) struct ResetSwitch {
    on: AtomicBool,
    turned: Notify,
}

impl ResetSwitch {
    /// Asks for the reset; it comes when the task of the connection drops its socket.
    pub(super) fn turn_on(&self) {
        self.on.store(true, Ordering::Release);
        self.turned.notify_one();
    }

    /// Waits until the reset is asked for.
    pub(super) async fn turned_on(&self) {
        self.turned.notified().await;
    }
}

/// A TCP stream that is closed by RST instead of FIN once its switch is on.
///
/// The option is set as the stream is dropped, since hyper and TLS own it until then.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    reset: Arc<ResetSwitch>,
}

impl Socket {
    pub(super) const fn new(tcp: TcpStream, reset: Arc<ResetSwitch>) -> Self {
        Self { tcp, reset }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.on.load(Ordering::Acquire) {
            // With a linger time of zero the kernel answers `close` with RST and forgets what was not sent.
            let _ = self.tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}
