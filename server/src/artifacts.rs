//! The artifact store: files named by the SHA-256 of their bytes, in a local folder or in an S3-compatible service.
//!
//! An upload goes to a name of its own, is counted and hashed on the way, and takes its final name only when whole and
//! right; so a name in the store always means these bytes. Both kinds of store make the last step atomic.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use benchrack_protocol::ids::ArtifactId;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart};
use sha2::{Digest, Sha256};

use crate::config::ArtifactConfig;

/// A sender that says nothing for so long has gone.
const UPLOAD_SILENCE: Duration = Duration::from_secs(60);
/// A request to an S3 service is tried again for so long: whoever waits would give up soon after.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
/// Parts of an upload; S3 takes none below 5 MiB but the last.
const PART_SIZE: usize = 8 << 20;
/// Parts in flight to the store, the bound on what an upload holds in memory.
const PARTS_IN_FLIGHT: usize = 2;

/// Why a file was not stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// More bytes than are taken.
    #[error("the upload is larger than the {limit} bytes that this server takes (limits.artifact_bytes)")]
    TooLarge {
        /// Bound.
        limit: u64,
    },
    /// Other bytes than announced.
    #[error("the bytes have SHA-256 {actual}, announced was {announced}: nothing was stored; send the file again")]
    HashMismatch {
        /// From the address.
        announced: ArtifactId,
        /// Of the bytes.
        actual: ArtifactId,
    },
    /// The upload broke off.
    #[error("the upload broke off: {0}; nothing was stored, send the file again")]
    Upload(String),
    /// No such file.
    #[error("there is no artifact {0} here; upload it first")]
    Missing(ArtifactId),
    /// The store failed.
    #[error("the artifact store did not do as asked")]
    Store(#[source] object_store::Error),
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// The folder cannot be used.
    #[error("cannot use the artifact folder {}: see that this user may write there, or set data_dir to another place", .path.display())]
    Folder {
        /// Folder.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file with the secret cannot be read.
    #[error("cannot read {} (artifacts.secret_access_key_file)", .path.display())]
    Key {
        /// File.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The store's settings cannot be used.
    #[error("cannot use the artifact store's settings (artifacts in the configuration)")]
    Settings(#[source] object_store::Error),
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct ArtifactStore {
    objects: Arc<dyn ObjectStore>,
    prefix: String,
}

impl std::fmt::Debug for ArtifactStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ArtifactStore({})", self.objects)
    }
}

impl ArtifactStore {
    /// Opens the store that the configuration names.
    ///
    /// # Errors
    /// See [`StoreOpenError`].
    pub fn open(config: &ArtifactConfig, data_dir: &FilePath) -> Result<Self, StoreOpenError> {
        match config {
            ArtifactConfig::Folder { path } => Self::in_folder(&path.clone().unwrap_or_else(|| data_dir.join("artifacts"))),
            ArtifactConfig::S3 { prefix, .. } => Ok(Self { objects: s3(config)?, prefix: prefix.clone() }),
        }
    }

    fn in_folder(path: &FilePath) -> Result<Self, StoreOpenError> {
        let cannot = |source| StoreOpenError::Folder { path: path.into(), source };
        std::fs::create_dir_all(path).map_err(cannot)?;
        // A folder that can be entered can still refuse writing, and the first upload is late to hear of it.
        let probe = path.join(format!(".writable.{}", std::process::id()));
        std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).map_err(cannot)?;
        let store = LocalFileSystem::new_with_prefix(path).map_err(StoreOpenError::Settings)?;
        Ok(Self { objects: Arc::new(store.with_fsync(true)), prefix: String::new() })
    }

    /// Two levels of folders, because file systems slow down with a hundred thousand names in one.
    fn path(&self, id: ArtifactId) -> Path {
        let name = id.to_string();
        Path::from_iter(self.prefix.split('/').chain([&name[..2], name.as_str()]).filter(|part| !part.is_empty()))
    }

    /// Stores a stream of bytes under the digest they are announced with; gives their number.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is stored then.
    pub async fn put<E: std::fmt::Display>(
        &self,
        id: ArtifactId,
        limit: u64,
        chunks: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<u64, StoreError> {
        let upload = self.objects.put_multipart(&self.path(id)).await.map_err(StoreError::Store)?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART_SIZE);
        match receive(&mut writer, id, limit, chunks).await {
            Ok(size) => {
                writer.finish().await.map_err(StoreError::Store)?;
                Ok(size)
            }
            Err(error) => {
                if let Err(error) = writer.abort().await {
                    tracing::warn!(%error, artifact = %id, "cannot remove a refused upload from the artifact store");
                }
                Err(error)
            }
        }
    }

    /// Reads a file as a stream.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it is not there.
    pub async fn get(&self, id: ArtifactId) -> Result<BoxStream<'static, Result<Bytes, object_store::Error>>, StoreError> {
        match self.objects.get(&self.path(id)).await {
            Ok(found) => Ok(found.into_stream()),
            Err(object_store::Error::NotFound { .. }) => Err(StoreError::Missing(id)),
            Err(error) => Err(StoreError::Store(error)),
        }
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`StoreError::Store`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let prefix = (!self.prefix.is_empty()).then(|| Path::from(self.prefix.as_str()));
        self.objects.list(prefix.as_ref()).try_next().await.map(drop).map_err(StoreError::Store)
    }
}

fn s3(config: &ArtifactConfig) -> Result<Arc<dyn ObjectStore>, StoreOpenError> {
    provide_tls();
    let retry = RetryConfig { max_retries: 3, retry_timeout: STORE_PATIENCE, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::from_env().with_retry(retry);
    if let ArtifactConfig::S3 { bucket, region, endpoint, allow_http, access_key_id, secret_access_key_file, .. } = config {
        builder = builder.with_bucket_name(bucket).with_allow_http(*allow_http);
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(id) = access_key_id {
            builder = builder.with_access_key_id(id);
        }
        if let Some(path) = secret_access_key_file {
            let secret = std::fs::read_to_string(path).map_err(|source| StoreOpenError::Key { path: path.clone(), source })?;
            builder = builder.with_secret_access_key(secret.trim());
        }
    }
    Ok(Arc::new(builder.build().map_err(StoreOpenError::Settings)?))
}

/// Passes the bytes on, counting and hashing them.
async fn receive<E: std::fmt::Display>(
    writer: &mut WriteMultipart,
    id: ArtifactId,
    limit: u64,
    chunks: impl Stream<Item = Result<Bytes, E>> + Send,
) -> Result<u64, StoreError> {
    let mut chunks = std::pin::pin!(chunks);
    let (mut digest, mut size) = (Sha256::new(), 0u64);
    loop {
        let silent = |_| StoreError::Upload(format!("no bytes for {} s", UPLOAD_SILENCE.as_secs()));
        let Some(chunk) = tokio::time::timeout(UPLOAD_SILENCE, chunks.next()).await.map_err(silent)? else { break };
        let chunk = chunk.map_err(|error| StoreError::Upload(error.to_string()))?;
        size = size.saturating_add(chunk.len() as u64);
        if size > limit {
            return Err(StoreError::TooLarge { limit });
        }
        digest.update(&chunk);
        writer.wait_for_capacity(PARTS_IN_FLIGHT).await.map_err(StoreError::Store)?;
        writer.put(chunk);
    }
    let actual = ArtifactId(digest.finalize().into());
    if actual == id { Ok(size) } else { Err(StoreError::HashMismatch { announced: id, actual }) }
}

/// reqwest takes the process's provider of cryptography; a second installation says so and changes nothing.
pub(crate) fn provide_tls() {
    if rustls::crypto::CryptoProvider::get_default().is_none()
        && rustls::crypto::ring::default_provider().install_default().is_err()
    {
        tracing::debug!("another thread installed the TLS provider first");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, ArtifactStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(&ArtifactConfig::default(), folder.path()).unwrap();
        (folder, store)
    }

    fn chunks(parts: &[&'static [u8]]) -> impl Stream<Item = Result<Bytes, String>> + use<> {
        futures::stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
    }

    fn files(folder: &FilePath) -> usize {
        walk(folder).count()
    }

    fn walk(folder: &FilePath) -> Box<dyn Iterator<Item = std::path::PathBuf>> {
        Box::new(std::fs::read_dir(folder).unwrap().flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path) } else { Box::new(std::iter::once(path)) }
        }))
    }

    #[tokio::test]
    async fn what_is_put_is_got_and_putting_again_changes_nothing() {
        let (folder, store) = store();
        let id = ArtifactId::of(b"hello world");
        for _ in 0..2 {
            assert_eq!(store.put(id, 11, chunks(&[b"hello ", b"world"])).await.unwrap(), 11);
        }
        let got: Vec<Bytes> = store.get(id).await.unwrap().try_collect().await.unwrap();
        assert_eq!(got.concat(), b"hello world");
        assert_eq!(files(folder.path()), 1);
        store.ping().await.unwrap();
    }

    #[tokio::test]
    async fn an_empty_file_is_a_file() {
        let (_folder, store) = store();
        let id = ArtifactId::of(b"");
        assert_eq!(store.put(id, 0, chunks(&[])).await.unwrap(), 0);
        assert_eq!(store.get(id).await.unwrap().try_collect::<Vec<_>>().await.unwrap().concat(), b"");
    }

    #[tokio::test]
    async fn wrong_hash_oversize_and_broken_uploads_leave_nothing() {
        let (folder, store) = store();
        let id = ArtifactId::of(b"hello");
        let wrong = store.put(id, 100, chunks(&[b"hellO"])).await.unwrap_err();
        assert!(matches!(wrong, StoreError::HashMismatch { .. }), "{wrong}");
        let large = store.put(id, 4, chunks(&[b"hello"])).await.unwrap_err();
        assert!(matches!(large, StoreError::TooLarge { limit: 4 }), "{large}");
        let broken = futures::stream::iter([Ok(Bytes::from_static(b"hel")), Err("connection reset")]);
        let broken = store.put(id, 100, broken).await.unwrap_err();
        assert!(matches!(broken, StoreError::Upload(_)), "{broken}");
        assert!(matches!(store.get(id).await, Err(StoreError::Missing(_))));
        assert_eq!(files(folder.path()), 0);
    }

    #[test]
    fn a_folder_that_is_a_file_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("artifacts");
        std::fs::write(&file, "").unwrap();
        let error = ArtifactStore::open(&ArtifactConfig::default(), folder.path()).unwrap_err();
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
    }
}
