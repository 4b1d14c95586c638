//! What a call of the store resolves to.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use super::StoreError;

/// What a call of the store resolves to.
///
/// What is under way already is awaited as it comes, without a future around it that has to have a place.
#[must_use = "what becomes of a call is not known before it is awaited"]
pub struct StoreFuture<T>(Way<T>);

/// How the answer comes.
enum Way<T> {
    /// From one of the store's threads.
    Answer(oneshot::Receiver<Result<T, StoreError>>),
    /// It takes more than one step.
    Steps(Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>),
}

impl<T> StoreFuture<T> {
    /// What some steps lead to.
    pub fn steps(steps: impl Future<Output = Result<T, StoreError>> + Send + 'static) -> Self {
        Self(Way::Steps(Box::pin(steps)))
    }

    /// What a thread answers; one that drops the question is closed.
    pub(super) fn answer(answer: oneshot::Receiver<Result<T, StoreError>>) -> Self {
        Self(Way::Answer(answer))
    }
}

impl<T> Future for StoreFuture<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Way::Answer(answer) => Pin::new(answer).poll(cx).map(|answer| answer.unwrap_or(Err(StoreError::Closed))),
            Way::Steps(steps) => steps.as_mut().poll(cx),
        }
    }
}
