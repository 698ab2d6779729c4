//! The console's socket: where it is, and who may connect.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The folder of the sockets of this user's processes.
fn folder() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(folder) if Path::new(&folder).is_absolute() => Path::new(&folder).join("aioxide"),
        _ => PathBuf::from(format!("/tmp/aioxide-{}", user())),
    }
}

/// Who this process is.
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Where the socket of this process is.
pub fn path() -> PathBuf {
    folder().join(format!("{}.sock", std::process::id()))
}

/// Makes the socket. The folder and the socket are this user's alone.
///
/// # Errors
///
/// A folder that is somebody else's, or that others may write to; and those of the system.
pub fn bind() -> io::Result<(UnixListener, PathBuf)> {
    let folder = folder();
    match DirBuilder::new().mode(0o700).recursive(false).create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != user() || found.mode() & 0o077 != 0 {
        let text = format!(
            "{} must be a folder of user {} with mode 0700; it is of user {} with mode {:04o}",
            folder.display(),
            user(),
            found.uid(),
            found.mode() & 0o7777
        );
        return Err(io::Error::new(ErrorKind::PermissionDenied, text));
    }
    let path = path();
    // Left over from another process of this number that was killed.
    if fs::symlink_metadata(&path).is_ok_and(|it| it.file_type().is_socket()) {
        fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok((listener, path))
}

/// Whether the other side is a process of this user, or of the system's administrator.
pub fn is_ours(stream: &UnixStream) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let peer = rustix::net::sockopt::socket_peercred(stream);
        peer.is_ok_and(|peer| peer.uid.as_raw() == user() || peer.uid.is_root())
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        use std::os::fd::AsRawFd;
        let (mut uid, mut gid) = (0, 0);
        // SAFETY: the descriptor is open, and the two places can be written to.
        let asked = unsafe { libc::getpeereid(stream.as_raw_fd(), &mut uid, &mut gid) };
        asked == 0 && (uid == user() || uid == 0)
    }
}
