//! What hosts of racks tell, and who asks.

use benchrack_protocol::rack::{Rack, RackReport};
use reqwest::Method;

use crate::agent::path_segment;
use crate::{Client, ClientError, checked};

impl Client {
    /// Tells how the phones of a host are doing.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn report_rack(&self, host: &str, report: &RackReport) -> Result<(), ClientError> {
        let request = self.request(Method::PUT, &format!("racks/{}", path_segment(host)))?.json(report);
        checked(request).await.map(drop)
    }

    /// Every host of a rack with its phones.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn racks(&self) -> Result<Vec<Rack>, ClientError> {
        self.get("racks").await
    }
}
