//! Where everything is on disk.
use serde::{Deserialize, Serialize};
use std::env;
use std::path::{Path, PathBuf};

/// The folders of one user. `FAUXKEY_HOME` moves all of them under one folder; otherwise they are the XDG ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Settings, and profiles of one's own.
    pub config: PathBuf,
    /// The vault and the list of devices.
    pub data: PathBuf,
    /// What only a running instance has: its address, its token, its sockets.
    pub run: PathBuf,
}

/// Neither `FAUXKEY_HOME` nor `HOME` says where to keep things.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no folder to keep things in: neither FAUXKEY_HOME nor HOME is set")]
pub struct Homeless;

impl Home {
    /// Everything under one folder.
    pub fn at(folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref();
        Self { config: folder.join("config"), data: folder.join("data"), run: folder.join("run") }
    }

    /// By `FAUXKEY_HOME`, or by the XDG Base Directory Specification 0.8.
    ///
    /// # Errors
    /// If the environment names no folder at all.
    pub fn from_environment() -> Result<Self, Homeless> {
        // An XDG variable that is not absolute is to be ignored (XDG §2).
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        if let Some(folder) = env::var_os("FAUXKEY_HOME").filter(|folder| !folder.is_empty()) {
            return Ok(Self::at(std::path::absolute(&folder).unwrap_or_else(|_| folder.into())));
        }
        let home = absolute("HOME").ok_or(Homeless);
        let under = |variable: &str, default: &str| match absolute(variable) {
            Some(base) => Ok(base.join("fauxkey")),
            None => home.as_ref().map(|home| home.join(default).join("fauxkey")).map_err(|error| *error),
        };
        let data = under("XDG_DATA_HOME", ".local/share")?;
        Ok(Self {
            config: under("XDG_CONFIG_HOME", ".config")?,
            run: absolute("XDG_RUNTIME_DIR").map_or_else(|| data.join("run"), |base| base.join("fauxkey")),
            data,
        })
    }

    /// The sealed passkeys.
    pub fn vault(&self) -> PathBuf {
        self.data.join("vault")
    }

    /// The key that opens them: elsewhere, so that a copied vault stays shut.
    pub fn vault_key(&self) -> PathBuf {
        self.config.join("keys").join("vault.key")
    }

    /// One small file for each device.
    pub fn devices(&self) -> PathBuf {
        self.data.join("devices")
    }

    /// Profiles of one's own.
    pub fn profiles(&self) -> PathBuf {
        self.config.join("profiles")
    }

    /// How to reach the running instance.
    pub fn instance(&self) -> PathBuf {
        self.run.join("instance.json")
    }

    /// How to reach the running tenant.
    pub fn tenant(&self) -> PathBuf {
        self.run.join("tenant.json")
    }

    /// How a phone reaches the desktop that shows a code.
    pub fn hybrid(&self) -> PathBuf {
        self.run.join("hybrid.json")
    }

    /// Where programs reach a running device, unless something else was asked for.
    pub fn socket(&self, device: &str) -> PathBuf {
        self.run.join(format!("{device}.sock"))
    }

    /// What programs that `fauxkey exec` starts need: the library, and the devices.
    pub fn exec(&self) -> PathBuf {
        self.run.join("exec")
    }

    /// The bearer token of the running instance.
    pub fn token(&self) -> PathBuf {
        self.run.join("token")
    }
}
