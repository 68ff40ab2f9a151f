//! Whether AWS Lambda can start a program, read from the program's own headers.
//!
//! A program names the versions of glibc's interface that it uses, and the loader refuses one that names a version it
//! does not have: in Lambda, each call of a program that was built for a newer Linux would fail. A development build may
//! happen to name none of the newer ones, and is told by its symbols.

use protocol::Failure;

/// The glibc of Amazon Linux 2023, on which the runtime `provided.al2023` stands.
/// Source: <https://docs.aws.amazon.com/linux/al2023/release-notes/>; what becomes of a program that needs more is in
/// <https://github.com/aws/aws-lambda-rust-runtime/issues/932>
const GLIBC: (u32, u32) = (2, 34);

/// What a version of glibc's interface begins with. The rest is a number, or a word for what came with a later glibc.
const PREFIX: &str = "GLIBC_";

/// `EM_X86_64`, the architecture that Terraform asks for.
const X86_64: u16 = 62;
/// `SHT_SYMTAB`, the type of the section with the symbols that a debugger reads. A program for users has none.
const SYMBOLS: u32 = 2;
/// `SHT_GNU_verneed`, the type of the section that lists what versions of which libraries are needed.
const VERSIONS_NEEDED: u32 = 0x6fff_fffe;

/// Refuses a program that AWS Lambda could not start.
///
/// # Errors
/// Says what it is or needs, and where to get one that fits.
pub(crate) fn check(program: &[u8]) -> Result<(), Failure> {
    reason_against(program).map_or(Ok(()), |reason| {
        Err(Failure::environment("The shop's program does not run in AWS Lambda").cause(reason).hint(
            "Take the program that was released with this one; from a checkout, `./dev function` builds it for Amazon Linux.",
        ))
    })
}

fn reason_against(program: &[u8]) -> Option<String> {
    let Some(file) = Elf::read(program) else {
        return Some("it is no program for Linux on x86-64".to_owned());
    };
    let (Some(sections), Some(versions)) = (file.sections(), file.versions_needed()) else {
        return Some("its headers are damaged".to_owned());
    };
    if sections.iter().any(|section| section.kind == SYMBOLS) {
        return Some("it is a development build, for this computer".to_owned());
    }
    let needed = versions.iter().find(|version| !has(version))?;
    let (major, minor) = GLIBC;
    Some(format!("it needs {needed}, and Amazon Linux 2023 has glibc {major}.{minor}"))
}

/// Whether Amazon Linux 2023 has a version of a library's interface. Of glibc alone it is known which it has.
fn has(version: &str) -> bool {
    let Some(number) = version.strip_prefix(PREFIX) else { return true };
    let mut parts = number.split('.').map(str::parse);
    matches!((parts.next(), parts.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) <= GLIBC)
}

/// A program of Linux on x86-64.
/// Source: <https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html>
struct Elf<'a>(&'a [u8]);

/// What is used of a section's header.
struct Section {
    kind: u32,
    offset: usize,
    size: usize,
    /// The section with its names.
    link: usize,
}

impl<'a> Elf<'a> {
    /// None if it is not one.
    fn read(program: &'a [u8]) -> Option<Self> {
        let file = Self(program);
        // Of 64 bits, little end first.
        let fits = program.starts_with(b"\x7fELF\x02\x01") && file.u16(18)? == X86_64;
        fits.then_some(file)
    }

    /// Its sections. None if its headers make no sense.
    fn sections(&self) -> Option<Vec<Section>> {
        (0..usize::from(self.u16(60)?)).map(|number| self.section(number)).collect()
    }

    /// The versions of libraries' interfaces that it needs. None if its headers make no sense.
    fn versions_needed(&self) -> Option<Vec<&'a str>> {
        let mut versions = Vec::new();
        for section in self.sections()? {
            if section.kind == VERSIONS_NEEDED {
                self.read_versions(&section, &mut versions)?;
            }
        }
        Some(versions)
    }

    fn section(&self, number: usize) -> Option<Section> {
        let (table, size) = (self.offset(40)?, usize::from(self.u16(58)?));
        let at = table.checked_add(number.checked_mul(size)?)?;
        Some(Section {
            kind: self.u32(at.checked_add(4)?)?,
            offset: self.offset(at.checked_add(24)?)?,
            size: self.offset(at.checked_add(32)?)?,
            link: self.length(at.checked_add(40)?)?,
        })
    }

    /// The section is a chain of libraries, each with a chain of versions.
    fn read_versions(&self, section: &Section, versions: &mut Vec<&'a str>) -> Option<()> {
        let names = self.section(section.link)?;
        let names = self.0.get(names.offset..names.offset.checked_add(names.size)?)?;
        let mut library = section.offset;
        loop {
            let mut version = library.checked_add(self.length(library.checked_add(8)?)?)?;
            for _ in 0..self.u16(library.checked_add(2)?)? {
                let name = names.get(self.length(version.checked_add(8)?)?..)?;
                let end = name.iter().position(|byte| *byte == 0)?;
                versions.push(str::from_utf8(&name[..end]).ok()?);
                match self.length(version.checked_add(12)?)? {
                    0 => break,
                    next => version = version.checked_add(next)?,
                }
            }
            match self.length(library.checked_add(12)?)? {
                0 => return Some(()),
                next => library = library.checked_add(next)?,
            }
        }
    }

    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    fn length(&self, at: usize) -> Option<usize> {
        self.u32(at)?.try_into().ok()
    }

    fn offset(&self, at: usize) -> Option<usize> {
        u64::from_le_bytes(self.bytes(at)?).try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that needs versions of one library, with nothing in it to be run.
    fn program(versions: &[&str]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18..20].copy_from_slice(&X86_64.to_le_bytes());
        let (names_at, mut names) = (file.len(), b"\0libc.so.6\0".to_vec());
        let mut needed = Vec::new();
        for value in [1, u16::try_from(versions.len()).unwrap()] {
            needed.extend(value.to_le_bytes());
        }
        for value in [1, 16, 0_u32] {
            needed.extend(value.to_le_bytes());
        }
        for version in versions {
            for value in [0, 0, u32::try_from(names.len()).unwrap(), 16] {
                needed.extend(value.to_le_bytes());
            }
            names.extend(version.bytes().chain([0]));
        }
        file.extend(&names);
        let needed_at = file.len();
        file.extend(&needed);
        let table = u64::try_from(file.len()).unwrap();
        file[40..48].copy_from_slice(&table.to_le_bytes());
        file[58..60].copy_from_slice(&64_u16.to_le_bytes());
        file[60..62].copy_from_slice(&2_u16.to_le_bytes());
        for (kind, at, size) in [(3_u32, names_at, names.len()), (VERSIONS_NEEDED, needed_at, needed.len())] {
            let mut header = [0; 64];
            header[4..8].copy_from_slice(&kind.to_le_bytes());
            header[24..32].copy_from_slice(&at.to_le_bytes());
            header[32..40].copy_from_slice(&size.to_le_bytes());
            file.extend(header);
        }
        file
    }

    #[test]
    fn a_glibc_that_amazon_linux_has_is_enough() {
        assert_eq!(check(&program(&[])), Ok(()));
        assert_eq!(check(&program(&["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.9", "GCC_3.0"])), Ok(()));
    }

    #[test]
    fn a_newer_one_is_refused_and_named() {
        for newer in ["GLIBC_2.35", "GLIBC_2.100", "GLIBC_3.0", "GLIBC_ABI_DT_RELR", "GLIBC_PRIVATE"] {
            let failure = check(&program(&["GLIBC_2.2.5", newer])).unwrap_err();
            assert_eq!(failure.causes, [format!("it needs {newer}, and Amazon Linux 2023 has glibc 2.34")]);
            assert!(failure.hint.is_some());
        }
    }

    #[test]
    fn a_development_build_is_refused() {
        let mut unstripped = program(&["GLIBC_2.34"]);
        let first = unstripped.len() - 2 * 64;
        unstripped[first + 4] = u8::try_from(SYMBOLS).unwrap();
        assert_eq!(check(&unstripped).unwrap_err().causes, ["it is a development build, for this computer"]);
    }

    #[test]
    fn what_is_no_program_for_it_is_refused() {
        let mut arm = program(&[]);
        arm[18] = 183;
        for other in [&b""[..], b"#!/bin/sh\n", b"\xcf\xfa\xed\xfe of macOS", &arm] {
            assert_eq!(check(other).unwrap_err().causes, ["it is no program for Linux on x86-64"]);
        }
    }

    #[test]
    fn a_damaged_one_is_refused_wherever_it_is_cut_off_or_spoilt() {
        let whole = program(&["GLIBC_2.2.5", "GLIBC_2.34"]);
        for length in 0..whole.len() - 20 {
            assert!(check(&whole[..length]).is_err(), "with {length} bytes of {}", whole.len());
        }
        for at in 0..whole.len() {
            let mut spoilt = whole.clone();
            spoilt[at] = 0xff;
            // Nothing is promised of it but that it is looked at without a panic or an endless walk.
            let _ = check(&spoilt);
        }
    }

    #[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
    #[test]
    fn a_real_program_tells_what_it_needs() {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(check(&this).unwrap_err().causes, ["it is a development build, for this computer"]);
        let versions = Elf::read(&this).unwrap().versions_needed().unwrap();
        assert!(versions.iter().any(|version| version.starts_with("GLIBC_2.")), "{versions:?}");
    }
}
