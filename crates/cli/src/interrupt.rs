//! Ctrl-C, heard from a moment on and not only while somebody waits for it.

use protocol::Failure;

/// What a user interrupts is counted from the creation of this.
pub(crate) struct Interrupts(tokio::signal::unix::Signal);

impl Interrupts {
    /// From now on an interrupt no longer ends the program.
    pub(crate) fn hear() -> Result<Self, Failure> {
        let heard = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
        heard.map(Self).map_err(|error| Failure::environment("Ctrl-C cannot be heard").source(&error))
    }

    /// Waits for the next.
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
