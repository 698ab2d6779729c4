//! `try … finally …` with an `await` in the second part.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::hand_over;

/// Awaits `body`, and then `clean_up`, also when `body` is dropped before its end: asyncio's
/// `try: … finally: await …`.
///
/// Whoever drops it awaits the clean-up before it ends itself: the task that is cancelled, the
/// [`timeout`](crate::timeout()), the [`CancelScope`](crate::CancelScope), the
/// [`TaskGroup`](crate::TaskGroup). If it is dropped by other code, such as `select!` of another
/// crate, the clean-up runs as a task of its own, for which [`run`](crate::run) waits at the end.
/// Requests to cancel do not disturb it; bound it by a [`timeout`](crate::timeout()) if it could
/// take long. The clean-up of a future that was never polled does not run.
///
/// For clean-up that does not wait, a destructor is enough.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// aioxide::Runner::new().virtual_time().run(async {
///     let log = Rc::new(RefCell::new(Vec::new()));
///     let cleaned = Rc::clone(&log);
///     let clean_up = async move {
///         aioxide::sleep(Duration::from_secs(2)).await;
///         cleaned.borrow_mut().push("said goodbye");
///     };
///     let task = aioxide::spawn(aioxide::finally(std::future::pending::<()>(), clean_up));
///     aioxide::yield_now().await;
///     task.cancel();
///     assert!(task.await.unwrap_err().is_cancelled());
///     assert_eq!(*log.borrow(), ["said goodbye"]);
/// });
/// ```
pub fn finally<F, C>(body: F, clean_up: C) -> Finally<F, C>
where
    F: Future,
    C: Future<Output = ()> + 'static,
{
    Finally {
        body: Some(body),
        clean_up: Some(clean_up),
        result: None,
        cleaning: None,
        begun: false,
    }
}

pin_project! {
    /// See [`finally`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Finally<F: Future, C>
    where
        C: Future<Output = ()>,
        C: 'static,
    {
        // None when it has ended.
        #[pin]
        body: Option<F>,
        // None when it has begun, and is in `cleaning`.
        clean_up: Option<C>,
        result: Option<F::Output>,
        // In a box, since it is handed on if this is dropped.
        cleaning: Option<Pin<Box<C>>>,
        begun: bool,
    }

    impl<F: Future, C> PinnedDrop for Finally<F, C>
    where
        C: Future<Output = ()>,
        C: 'static,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What is inside cleans up first.
            this.body.set(None);
            if let Some(cleaning) = this.cleaning.take() {
                hand_over(cleaning);
            } else if *this.begun && let Some(clean_up) = this.clean_up.take() {
                hand_over(Box::pin(clean_up));
            }
        }
    }
}

impl<F, C> Future for Finally<F, C>
where
    F: Future,
    C: Future<Output = ()> + 'static,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        *this.begun = true;
        if let Some(body) = this.body.as_mut().as_pin_mut() {
            match body.poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => *this.result = Some(result),
            }
            this.body.set(None);
            *this.cleaning = this.clean_up.take().map(Box::pin);
        }
        if let Some(cleaning) = this.cleaning {
            match cleaning.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => *this.cleaning = None,
            }
        }
        Poll::Ready(this.result.take().expect("polled after it was ready"))
    }
}

impl<F: Future, C: Future<Output = ()>> fmt::Debug for Finally<F, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Finally").field("begun", &self.begun).finish_non_exhaustive()
    }
}
