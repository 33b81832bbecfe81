//! Bodies: reading a request's within bounds, and an answer's that may end early.

use crate::Trickle;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::{
    future::Future as _,
    io, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::time::Sleep;

/// How much of a body that is too large is read and thrown away, so that the client gets to read its answer.
const DISCARDED_AT_MOST: usize = 64 << 20;

/// Reads a body of at most `cap` bytes. Of a larger one the first `cap + 1` bytes are returned, so that the emulator,
/// which knows the order of checks, can refuse it; the rest is read as well, up to a bound.
pub(super) async fn read(mut body: Incoming, cap: usize) -> Result<Bytes, hyper::Error> {
    let mut kept = BytesMut::new();
    let mut discarded = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = (cap + 1 - kept.len()).min(data.len());
        kept.extend_from_slice(&data[..room]);
        discarded += data.len() - room;
        if discarded > DISCARDED_AT_MOST {
            break;
        }
    }
    Ok(kept.freeze())
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum AnswerBody {
    /// All of it.
    Whole(Bytes),
    /// The length of all of it is declared, and `sent` is what comes before the connection breaks.
    Cut {
        /// What is sent.
        sent: Bytes,
        /// The declared length.
        declared: u64,
        /// How far it is.
        stage: CutStage,
    },
    /// All of it, in small pieces.
    Trickled {
        /// What is still to come.
        rest: Bytes,
        /// The pace.
        trickle: Trickle,
        /// The pause before the next piece.
        pause: Pin<Box<Sleep>>,
    },
}

/// How far a body that is cut has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum CutStage {
    /// Nothing is sent.
    Data,
    /// The writer is given the time to flush head and data: with an error at once it would forget them.
    Flush,
    /// The error is next.
    Break,
}

impl AnswerBody {
    pub(super) fn cut(whole: &Bytes, bytes: usize) -> Self {
        let sent = whole.slice(..bytes.min(whole.len()));
        Self::Cut { sent, declared: whole.len() as u64, stage: CutStage::Data }
    }

    pub(super) fn trickled(whole: Bytes, trickle: Trickle) -> Self {
        Self::Trickled { rest: whole, trickle, pause: Box::pin(tokio::time::sleep(trickle.pause)) }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(mem::take(bytes))))),
            Self::Trickled { rest, .. } if rest.is_empty() => Poll::Ready(None),
            Self::Trickled { rest, trickle, pause } => {
                ready!(pause.as_mut().poll(context));
                let piece = rest.split_to(trickle.bytes.clamp(1, rest.len()));
                *pause = Box::pin(tokio::time::sleep(trickle.pause));
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Self::Cut { sent, stage, .. } => match stage {
                CutStage::Data if !sent.is_empty() => {
                    *stage = CutStage::Flush;
                    Poll::Ready(Some(Ok(Frame::data(mem::take(sent)))))
                }
                CutStage::Data | CutStage::Flush => {
                    *stage = CutStage::Break;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                CutStage::Break => Poll::Ready(Some(Err(io::Error::other("the answer is cut here")))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) | Self::Trickled { rest: bytes, .. } if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) | Self::Trickled { rest: bytes, .. } => bytes.len() as u64,
            Self::Cut { declared, .. } => *declared,
        })
    }
}
