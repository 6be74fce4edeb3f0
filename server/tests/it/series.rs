//! Series as they grow: what is suspected, what a second measurement says, and what becomes an alert.

mod alerts;
mod devices;
mod endings;
mod phone;
mod regressions;
mod webhooks;
