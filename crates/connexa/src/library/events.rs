//! Watching a batch, and stopping it.

use crate::session::planning::Watch;
use connexa_engine::{machine::Stop, record::Event};
use futures_channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};
use tokio::sync::watch;

/// What happens in a batch, from the moment of asking on: a stream that ends with the batch.
///
/// Records are what is remembered of a run: each attempt, each verdict. Ticks say how far things are, for the eye.
#[derive(Debug)]
pub struct Events(UnboundedReceiver<Event>);

impl Events {
    /// The next event; `None` once the batch, or plan, is gone.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.next().await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_next_unpin(cx)
    }
}

/// Those who watch.
#[derive(Clone, Debug, Default)]
pub(super) struct Watchers(Arc<Mutex<Vec<UnboundedSender<Event>>>>);

impl Watchers {
    pub(super) fn add(&self) -> Events {
        // Unbounded: a run never waits for who watches it, and tells no more than it remembers itself.
        let (sender, receiver) = mpsc::unbounded();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        Events(receiver)
    }

    pub(super) fn tell(&self, event: &Event) {
        let mut watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|watcher| watcher.unbounded_send(event.clone()).is_ok());
    }
}

impl Watch for Watchers {
    fn begin(&self) -> Box<dyn FnMut(&Event) + Send + '_> {
        Box::new(|event| self.tell(event))
    }
}

/// Stops a batch: nothing new is started, what is in flight ends.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<watch::Sender<bool>>);

impl Stopper {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Stops what the batch does, and what it is asked to do later.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// For a run.
    pub(super) fn stops(&self) -> impl Stream<Item = Stop> + Send + use<> {
        let mut told = self.0.subscribe();
        let stop = async move {
            let told = told.wait_for(|stopped| *stopped).await.is_ok();
            if !told {
                // Nobody is left who could stop it.
                std::future::pending::<()>().await;
            }
            Stop::Finish
        };
        stream::once(stop.boxed()).chain(stream::pending())
    }
}
