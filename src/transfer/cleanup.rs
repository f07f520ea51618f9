//! What a transfer that failed or was stopped takes back: in bounded time, and without hiding the error that led there.

use std::time::Duration;

use crate::error::Kind;
use crate::load::Load;
use crate::mysql::MySqlClient;

/// Time for it. What staged files are left by then is hidden, and the next load of the target removes it; what
/// connections are left the server notices by itself, only later.
const TIME: Duration = Duration::from_secs(4);

/// Throws away what was staged for `what`, such as `import`.
pub(super) async fn discard(load: Load, what: &str) {
    match tokio::time::timeout(TIME, load.discard()).await {
        Ok(Ok(())) => {}
        Ok(Err(left)) if left.kind() == Kind::NotFound => {}
        Ok(Err(left)) => tracing::warn!(error = %left, "a failed {what} left staged files"),
        Err(_) => tracing::warn!("a failed {what} left staged files: the cluster did not answer in time"),
    }
}

/// Ends connections that may still run statements of `what`, and waits until they are gone; the server takes back what
/// they have not committed.
pub(super) async fn end_connections(client: &MySqlClient, ids: &[u32], what: &str) {
    match tokio::time::timeout(TIME, client.kill(ids)).await {
        Ok(Ok(())) => {}
        Ok(Err(left)) => tracing::warn!(error = %left, "a failed {what} left a running statement"),
        Err(_) => tracing::warn!("a failed {what} left a connection that the database had not ended in time"),
    }
}
