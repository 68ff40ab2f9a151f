//! Installing uv, over the real path of a download, from a mirror on loopback.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::command::Ended;
use crate::support::Sandbox;

/// A mirror of uv's releases: what it serves, by path.
struct Mirror {
    address: String,
}

impl Mirror {
    /// Serves until the test's process ends. A promised length beyond the body cuts the connection off in the middle.
    fn serve(files: HashMap<String, (usize, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = String::new();
                BufReader::new(&stream).read_line(&mut request).unwrap();
                let path = request.split_whitespace().nth(1).unwrap_or_default();
                let (status, length, body) = match files.get(path) {
                    Some((length, body)) => ("200 OK", *length, body.as_slice()),
                    None => ("404 Not Found", 0, &b""[..]),
                };
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            }
        });
        Self { address }
    }
}

/// A release as it is published: one folder with the program, here one that only tells its version.
fn archive(folder: &Path) -> Vec<u8> {
    let release = folder.join("uv-release");
    std::fs::create_dir(&release).unwrap();
    std::fs::write(release.join("uv"), "#!/bin/sh\necho 'uv 0.13.9'\n").unwrap();
    std::fs::set_permissions(release.join("uv"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let packed = Command::new("tar").args(["-cz", "-C"]).arg(folder).arg("uv-release").output().unwrap();
    assert!(packed.status.success());
    packed.stdout
}

/// A search path with the system's programs but without uv.
fn path_without_uv(folder: &Path) -> String {
    let programs = folder.join("bin");
    std::fs::create_dir(&programs).unwrap();
    for name in ["tar", "gzip", "sh"] {
        let paths = std::env::var_os("PATH").unwrap();
        let found = std::env::split_paths(&paths).map(|path| path.join(name)).find(|path| path.exists()).unwrap();
        symlink(found, programs.join(name)).unwrap();
    }
    programs.to_str().unwrap().to_owned()
}

fn name() -> String {
    let system = if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-gnu" };
    format!("/0.13.9/uv-{}-{system}.tar.gz", std::env::consts::ARCH)
}

#[test]
fn uv_is_downloaded_checked_and_used_and_a_bad_download_leaves_nothing() {
    let sandbox = Sandbox::new();
    let scratch = tempfile::tempdir().unwrap();
    let good = archive(scratch.path());
    let path = path_without_uv(scratch.path());
    let doctor = |mirror: &Mirror, args: &[&str]| -> Ended {
        sandbox.spawn_with(&[("PATH", &path), ("RETAILFLOW_UV_RELEASES", &mirror.address)], args).wait()
    };
    let installed = sandbox.home().join("tools/uv");
    let archive_name = name().rsplit_once('/').map(|(_, file)| file.to_owned()).unwrap();
    let sum = format!("{}  {archive_name}\n", hex::encode(Sha256::digest(&good))).into_bytes();
    let publish = |body: &[u8], promised: usize| {
        let files = [(name(), (promised, body.to_vec())), (format!("{}.sha256", name()), (sum.len(), sum.clone()))];
        Mirror::serve(files.into_iter().collect())
    };
    let mut changed = good.clone();
    changed[20] ^= 1;
    let bad = [
        (Mirror::serve(HashMap::new()), "404"),
        (publish(&changed, good.len()), "not what was published"),
        (publish(&good[..good.len() / 2], good.len()), "could not be downloaded"),
    ];
    for (mirror, word) in &bad {
        let refused = doctor(mirror, &["doctor", "--fix"]);
        assert_eq!(refused.code, Some(1), "{refused:#?}");
        assert!(refused.stderr.contains(word) && refused.stderr.contains('\u{2192}'), "{refused:#?}");
        assert!(!installed.exists(), "{word}: a bad download must not be installed");
    }
    let mirror = publish(&good, good.len());
    let missing = doctor(&mirror, &["doctor"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stdout.contains("doctor --fix"), "{missing:#?}");
    let found = doctor(&mirror, &["doctor", "--fix"]).succeeded();
    assert!(found.stdout.contains("uv 0.13.9"), "{found:#?}");
    assert!(installed.exists());
    assert!(!sandbox.home().join("tools/draft").exists(), "the download itself must not stay");
    doctor(&mirror, &["doctor"]).succeeded();
}
