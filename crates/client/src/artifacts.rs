//! Artifacts up and down, streamed, so that a large model never stands in memory.

use std::path::Path;

use benchrack_protocol::api::ArtifactStored;
use benchrack_protocol::ids::ArtifactId;
use futures::StreamExt;
use reqwest::{Body, Method};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use crate::{Client, ClientError, checked, decoded};

/// The largest models take minutes over a phone's USB 2 cable.
const TRANSFER_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30 * 60);

impl Client {
    /// Uploads a file unless the server has it.
    ///
    /// # Errors
    /// [`ClientError::File`] when it cannot be read; see [`ClientError`] for the others.
    pub async fn upload_artifact(&self, file: &Path) -> Result<ArtifactStored, ClientError> {
        let cannot_read = |source| ClientError::File { what: "read", path: file.into(), source };
        let (id, size) = digest_of(file).await.map_err(cannot_read)?;
        if checked(self.request(Method::HEAD, &format!("artifacts/{id}"))?).await.is_ok() {
            return Ok(ArtifactStored { id, size: benchrack_protocol::units::Bytes(size), known: true });
        }
        let content = tokio::fs::File::open(file).await.map_err(cannot_read)?;
        let request = self
            .request(Method::PUT, &format!("artifacts/{id}"))?
            .timeout(TRANSFER_TIMEOUT)
            .header("content-length", size)
            .body(Body::wrap_stream(ReaderStream::with_capacity(content, 1 << 16)));
        decoded(checked(request).await?).await
    }

    /// Downloads an artifact to this path: verified, and there only when whole.
    ///
    /// # Errors
    /// [`ClientError::Corrupted`] when the bytes are others; [`ClientError::File`] when they cannot be written.
    pub async fn download_artifact(&self, id: ArtifactId, to: &Path) -> Result<(), ClientError> {
        let response = checked(self.request(Method::GET, &format!("artifacts/{id}"))?.timeout(TRANSFER_TIMEOUT)).await?;
        let partial = to.with_extension("partial");
        let result = self.receive(response, id, &partial, to).await;
        if result.is_err()
            && let Err(error) = tokio::fs::remove_file(&partial).await
        {
            tracing::debug!(path = %partial.display(), %error, "no partial download to remove");
        }
        result
    }

    async fn receive(&self, response: reqwest::Response, id: ArtifactId, partial: &Path, to: &Path) -> Result<(), ClientError> {
        let cannot_write = |source| ClientError::File { what: "write", path: partial.into(), source };
        let mut file = tokio::fs::File::create(partial).await.map_err(cannot_write)?;
        let mut digest = Sha256::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(ClientError::transport)?;
            digest.update(&chunk);
            file.write_all(&chunk).await.map_err(cannot_write)?;
        }
        file.sync_all().await.map_err(cannot_write)?;
        let actual = ArtifactId(digest.finalize().into());
        if actual != id {
            return Err(ClientError::Corrupted { expected: id, actual });
        }
        tokio::fs::rename(partial, to).await.map_err(|source| ClientError::File { what: "write", path: to.into(), source })
    }
}

async fn digest_of(file: &Path) -> std::io::Result<(ArtifactId, u64)> {
    let mut content = tokio::fs::File::open(file).await?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let count = content.read(&mut buffer).await?;
        if count == 0 {
            return Ok((ArtifactId(digest.finalize().into()), size));
        }
        size += count as u64;
        digest.update(&buffer[..count]);
    }
}
