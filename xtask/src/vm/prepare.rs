//! Debian's kernel, downloaded and unpacked once, without being installed.
use crate::debian;
use crate::workspace::{Workspace, run};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A kernel and its modules.
pub(super) struct Kernel {
    /// What is in its modules' folder.
    root: PathBuf,
    version: String,
    image: PathBuf,
}

/// What is kept of the package, besides the kernel.
const KEPT: [&str; 10] = [
    "modules.*",
    "kernel/drivers/bluetooth/*",
    "kernel/drivers/hid/*",
    "kernel/drivers/usb/*",
    "kernel/drivers/virtio/*",
    "kernel/drivers/net/*",
    "kernel/net/*",
    "kernel/fs/*",
    "kernel/crypto/*",
    "kernel/lib/*",
];

impl Kernel {
    /// The kernel below `folder`, which is downloaded if there is none.
    pub(super) fn prepare(workspace: &Workspace, folder: &Path) -> Result<Self> {
        let note = folder.join("version");
        if let Some(version) = fs::read_to_string(&note).ok().as_deref().and_then(unpacked) {
            return Ok(Self::at(folder, version.into()));
        }
        let package = package()?;
        let version = package.strip_prefix("linux-image-").unwrap_or(&package).to_owned();
        eprintln!("xtask: downloading {package}");
        let downloads = folder.join("download");
        let _none = fs::remove_dir_all(&downloads);
        fs::create_dir_all(&downloads).with_context(|| format!("cannot make {}", downloads.display()))?;
        let mut download = workspace.command("apt-get");
        download.current_dir(&downloads).args(["download", "--quiet", &package]);
        // As root, apt-get would rather download as somebody else, who may not write here.
        run(download.args(["-o", "APT::Sandbox::User=root"]).stdout(Stdio::null()))?;
        let file = fs::read_dir(&downloads)?.flatten().next().context("apt-get downloaded nothing")?.path();

        let kernel = Self::at(folder, version);
        fs::create_dir_all(&kernel.root)?;
        unpack(&kernel, &file)?;
        run(Command::new("depmod").arg("-b").arg(&kernel.root).arg(&kernel.version))?;
        let compressed = kernel.root.join("boot").join(format!("vmlinuz-{}", kernel.version));
        let bytes = fs::read(&compressed).with_context(|| format!("cannot read {}", compressed.display()))?;
        fs::write(&kernel.image, decompress(payload(&bytes).context("vmlinuz is no bzImage")?)?)?;
        fs::remove_dir_all(&downloads)?;
        // Last, so that what was broken off is begun anew.
        fs::write(&note, noted(&kernel.version))?;
        Ok(kernel)
    }

    fn at(folder: &Path, version: String) -> Self {
        Self { root: folder.join("kernel"), image: folder.join(format!("vmlinux-{version}")), version }
    }

    /// The kernel as an ELF file: QEMU enters it without the twenty seconds in which a compressed one would
    /// unpack itself.
    pub(super) fn image(&self) -> &Path {
        &self.image
    }

    /// The files of modules and of those that they need, in the order in which they are loaded.
    pub(super) fn modules(&self, names: &[&str]) -> Result<Vec<PathBuf>> {
        let folder = self.root.join("lib/modules").join(&self.version);
        let listed = |file: &str| {
            let path = folder.join(file);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let (dependencies, built_in) = (listed("modules.dep")?, listed("modules.builtin")?);
        let mut loaded = BTreeSet::new();
        let mut files = Vec::new();
        for name in names {
            let is_it = |path: &str| module_name(path) == name.replace('-', "_");
            if built_in.lines().any(is_it) {
                continue;
            }
            let line =
                dependencies.lines().filter_map(|line| line.split_once(':')).find(|(path, _)| is_it(path));
            let Some((module, needs)) = line else { bail!("this kernel has no module {name}") };
            // depmod names what is needed last first.
            for path in needs.split_whitespace().rev().chain([module]) {
                if loaded.insert(path.to_owned()) {
                    files.push(folder.join(path));
                }
            }
        }
        Ok(files)
    }
}

/// What is written down of a kernel that is unpacked: its version, and what was kept of it.
fn noted(version: &str) -> String {
    format!("{version}\n{}\n", KEPT.join("\n"))
}

/// The version that is written down, unless something else was kept then than is kept now.
fn unpacked(note: &str) -> Option<&str> {
    note.lines().next().filter(|version| note == noted(version))
}

/// `kernel/drivers/hid/hid-generic.ko` is `hid_generic`.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split('.').next().unwrap_or(file).replace('-', "_")
}

/// The newest kernel for this machine. Not the one for clouds, which has neither HID nor USB.
fn package() -> Result<String> {
    let depends = || -> Result<Option<String>> {
        let output = Command::new("apt-cache").args(["depends", "linux-image-amd64"]).output();
        let output = output.context("cannot start apt-cache: this chore is for Debian")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.lines().find_map(|line| Some(line.trim().strip_prefix("Depends: ")?.to_owned())))
    };
    // A stale list can name a package that is gone.
    if rustix::process::geteuid().is_root() {
        debian::apt_get(&["update", "--quiet"])?;
    }
    depends()?.context("apt-cache knows no linux-image-amd64\nhint: apt-get update")
}

fn unpack(kernel: &Kernel, package: &Path) -> Result<()> {
    let mut tar = Command::new("dpkg-deb");
    let mut reader = tar.arg("--fsys-tarfile").arg(package).stdout(Stdio::piped()).spawn()?;
    let modules = format!("./lib/modules/{}", kernel.version);
    let mut writer = Command::new("tar");
    writer.args(["-x", "--no-same-owner", "--wildcards", "-C"]).arg(&kernel.root).arg("./boot/vmlinuz-*");
    writer.args(KEPT.map(|kept| format!("{modules}/{kept}")));
    writer.stdin(reader.stdout.take().context("dpkg-deb's output is a pipe")?);
    run(&mut writer)?;
    reader.wait()?;
    Ok(())
}

/// The compressed kernel in a bzImage: Linux' `Documentation/arch/x86/boot.rst`, payload_offset and
/// payload_length.
fn payload(image: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| Some(u32::from_le_bytes(*image.get(at..)?.first_chunk()?));
    let sectors = match image.get(0x1F1)? {
        0 => 4,
        sectors => usize::from(*sectors),
    };
    let offset = usize::try_from(number(0x248)?).ok()?;
    let length = usize::try_from(number(0x24C)?).ok()?;
    image.get((sectors + 1) * 512 + offset..)?.get(..length)
}

/// Debian compresses with xz; what stands behind the stream is its size.
fn decompress(payload: &[u8]) -> Result<Vec<u8>> {
    if !payload.starts_with(b"\xFD7zXZ\0") {
        bail!("the kernel is not compressed with xz");
    }
    let mut xz = Command::new("xz");
    xz.args(["--decompress", "--stdout", "--single-stream"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = xz.spawn().context("cannot start xz")?;
    let mut input = child.stdin.take().context("xz' input is a pipe")?;
    let output = std::thread::scope(|scope| {
        // It may end before it has read the size behind the stream.
        scope.spawn(move || input.write_all(payload).ok());
        child.wait_with_output()
    })?;
    if !output.stdout.starts_with(b"\x7FELF") {
        bail!("what xz made of the kernel is no ELF file");
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_stands_where_the_header_says() {
        let mut image = vec![0; 0x2000];
        image[0x1F1] = 2;
        image[0x248..0x250].copy_from_slice(&[0x10, 0, 0, 0, 3, 0, 0, 0]);
        image[3 * 512 + 0x10..][..3].copy_from_slice(b"abc");
        assert_eq!(payload(&image), Some(&b"abc"[..]));
        assert_eq!(payload(&image[..0x400]), None);
        assert_eq!(payload(b"short"), None);
    }

    #[test]
    fn a_kernel_is_unpacked_anew_when_more_is_kept_of_it() {
        let note = noted("6.1");
        assert_eq!(unpacked(&note), Some("6.1"));
        assert_eq!(unpacked(&note.replace("kernel/fs/*\n", "")), None);
        assert_eq!(unpacked("6.1"), None);
    }

    #[test]
    fn modules_come_after_what_they_need_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let kernel = Kernel::at(folder.path(), "6".into());
        let modules = kernel.root.join("lib/modules/6");
        fs::create_dir_all(&modules).unwrap();
        fs::write(modules.join("modules.builtin"), "kernel/drivers/virtio/virtio_pci.ko\n").unwrap();
        let dependencies =
            "k/usbhid.ko: k/hid.ko k/usbcore.ko k/usb-common.ko\nk/hid.ko:\nk/hid-generic.ko: k/hid.ko\n";
        fs::write(modules.join("modules.dep"), dependencies).unwrap();
        let files = kernel.modules(&["virtio_pci", "hid-generic", "usbhid"]).unwrap();
        let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["hid.ko", "hid-generic.ko", "usb-common.ko", "usbcore.ko", "usbhid.ko"]);
        assert!(kernel.modules(&["none"]).is_err());
    }
}
