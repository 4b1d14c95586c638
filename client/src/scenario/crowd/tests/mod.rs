//! The crowd with real sockets: against servers that are none, and (ignored, for they take long and need its program)
//! against the real one.

mod hostile;
mod real;
mod story;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}
