//! Work for the thread pool of libuv that ends in bytes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi::{Env, Error, Result, Status, Task};

type Work = Box<dyn FnOnce() -> Result<Vec<u8>> + Send>;

pub struct Job(Option<Work>);

/// A promise of what `work` returns.
pub(crate) fn job(work: impl FnOnce() -> Result<Vec<u8>> + Send + 'static) -> AsyncTask<Job> {
    AsyncTask::new(Job(Some(Box::new(work))))
}

impl Task for Job {
    type Output = Vec<u8>;
    type JsValue = Uint8Array;

    fn compute(&mut self) -> Result<Vec<u8>> {
        let work = self.0.take().ok_or_else(|| fault("a job ran twice"))?;
        // `catch_unwind` of the macro covers the call that starts the job, not the pool's thread.
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(fault("a job panicked")))
    }

    fn resolve(&mut self, _env: Env, output: Vec<u8>) -> Result<Uint8Array> {
        Ok(output.into())
    }
}

fn fault(sentence: &str) -> Error {
    Error::new(Status::GenericFailure, format!("NATIVE_FAULT: {sentence}"))
}
