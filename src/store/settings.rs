//! Settings: small values by name.

use async_trait::async_trait;

use super::StoreError;

/// Small values by name.
#[async_trait]
pub trait Settings {
    /// The value of a setting.
    ///
    /// # Errors
    /// Database errors.
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Every setting whose name begins with `prefix`, by name.
    ///
    /// # Errors
    /// Database errors.
    async fn settings(&self, prefix: &str) -> Result<Vec<(String, String)>, StoreError>;

    /// Sets a setting.
    ///
    /// # Errors
    /// Database errors.
    async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError>;

    /// The value of a setting, which is set to `value` when it has none: whoever comes first decides for all.
    ///
    /// # Errors
    /// Database errors.
    async fn setting_or(&self, name: &str, value: &str) -> Result<String, StoreError>;
}
