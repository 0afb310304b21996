//! What the child process denies itself before it reads its first document.

use rlimit::Resource;

/// Takes from this process, and from all its threads, what reading a document never needs: memory beyond a limit, writing to
/// files, core dumps; and on Linux opening any file, starting any program, and every kind of network.
///
/// # Errors
/// When a limit cannot be set. A kernel without system call filters leaves the limits alone in force.
pub(super) fn close_in(memory_bytes_max: u64) -> std::io::Result<()> {
    for (resource, limit) in [(Resource::AS, memory_bytes_max), (Resource::CORE, 0), (Resource::FSIZE, 0)] {
        rlimit::setrlimit(resource, limit, limit)?;
    }
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
    drop(filter::deny_calls());
    Ok(())
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod filter {
    use std::collections::BTreeMap;

    use seccompiler::{
        BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        apply_filter,
    };

    /// Calls that are refused whatever their arguments.
    const DENIED: &[libc::c_long] = &[
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_open_by_handle_at,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept4,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_unlinkat,
        libc::SYS_renameat2,
        libc::SYS_mkdirat,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_fchmodat,
        libc::SYS_mount,
        libc::SYS_bpf,
        libc::SYS_io_uring_setup,
        libc::SYS_truncate,
        libc::SYS_renameat,
        libc::SYS_fchownat,
        libc::SYS_mknodat,
        libc::SYS_utimensat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_send_signal,
        libc::SYS_shmget,
        libc::SYS_msgget,
        libc::SYS_keyctl,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_chroot,
        libc::SYS_memfd_create,
        libc::SYS_userfaultfd,
        libc::SYS_perf_event_open,
    ];

    /// Older calls of the same meaning, which newer architectures never had.
    #[cfg(target_arch = "x86_64")]
    const DENIED_TOO: &[libc::c_long] = &[
        libc::SYS_open,
        libc::SYS_creat,
        libc::SYS_fork,
        libc::SYS_vfork,
        libc::SYS_accept,
        libc::SYS_unlink,
        libc::SYS_rename,
        libc::SYS_mkdir,
        libc::SYS_rmdir,
        libc::SYS_link,
        libc::SYS_symlink,
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_lchown,
        libc::SYS_mknod,
        libc::SYS_utime,
        libc::SYS_utimes,
        libc::SYS_futimesat,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    const DENIED_TOO: &[libc::c_long] = &[];

    pub(super) fn deny_calls() -> Result<(), Error> {
        // A thread may be made, a process may not. The newer call hides its flags behind a pointer, so it does not exist, and
        // the C library takes the older one.
        apply(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?;
        let no_thread = SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64);
        let process = SeccompCondition::new(0, SeccompCmpArgLen::Qword, no_thread, 0)?;
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            DENIED.iter().chain(DENIED_TOO).map(|call| (*call, Vec::new())).collect();
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![process])?]);
        apply(rules, libc::EPERM)
    }

    fn apply(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> Result<(), Error> {
        let denied = SeccompAction::Errno(errno.unsigned_abs());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, std::env::consts::ARCH.try_into()?)?;
        let program: BpfProgram = filter.try_into()?;
        apply_filter(&program)
    }
}

#[cfg(all(test, target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod tests {
    #[test]
    fn behind_the_fence_there_is_no_file_no_network_and_no_program() {
        // A filter holds for the thread that sets it and those that it starts, so the other tests go on outside.
        let fenced = std::thread::spawn(|| {
            super::filter::deny_calls().unwrap();
            let denied = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
            assert!(std::fs::File::open("/proc/self/stat").is_err_and(denied), "no file");
            assert!(std::fs::write("/tmp/ibid-fence-test", "x").is_err_and(denied), "no new file");
            assert!(std::fs::rename("/tmp/ibid-fence-a", "/tmp/ibid-fence-b").is_err_and(denied), "nothing moves");
            assert!(std::fs::remove_file("/tmp/ibid-fence-a").is_err_and(denied), "nothing goes");
            assert!(std::net::UdpSocket::bind("127.0.0.1:0").is_err_and(denied), "no network");
            assert!(std::process::Command::new("/bin/true").status().is_err_and(denied), "no program");
            let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(|| vec![1u8; 1 << 20].len());
            assert_eq!(thread.unwrap().join().unwrap(), 1 << 20, "threads and memory as before");
        });
        fenced.join().unwrap();
        assert!(std::fs::File::open("/proc/self/stat").is_ok());
    }
}
