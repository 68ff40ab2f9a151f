//! How the program ends.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use protocol::{Blame, Code, Failure};

/// Shown by `--help`.
pub(crate) const CODES: &str = "\
Exit codes:
  0    done
  1    it failed; standard error says why and what to do
  2    the command line is wrong
  3    there is no such stack
  4    another run of the stack is under way
  5    `drift` found something
  70   a defect in RetailFlow
  130  cancelled";

const RED: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Tells a failure on standard error and gives the exit code.
pub(crate) fn tell(failure: &Failure, json: bool) -> ExitCode {
    if json {
        let line = serde_json::json!({"failure": failure});
        anstream::println!("{line}");
    } else {
        anstream::eprintln!("{RED}\u{2717}{RED:#} {}", failure.summary);
        for cause in &failure.causes {
            anstream::eprintln!("  {DIM}{cause}{DIM:#}");
        }
        if let Some(hint) = &failure.hint {
            anstream::eprintln!("  \u{2192} {hint}");
        }
    }
    ExitCode::from(code(failure))
}

fn code(failure: &Failure) -> u8 {
    match (failure.code, failure.blame) {
        (Some(Code::NoSuchStack), _) => 3,
        (Some(Code::Busy), _) => 4,
        (Some(Code::Drift), _) => 5,
        (Some(Code::Cancelled), _) => 130,
        (_, Blame::Bug) => 70,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_code() {
        let failed = Failure::environment("x");
        assert_eq!(code(&failed), 1);
        assert_eq!(code(&failed.clone().code(Code::NoSuchStack)), 3);
        assert_eq!(code(&failed.clone().code(Code::Busy)), 4);
        assert_eq!(code(&failed.clone().code(Code::Drift)), 5);
        assert_eq!(code(&failed.code(Code::Deadline)), 1);
        assert_eq!(code(&Failure::cancelled()), 130);
        assert_eq!(code(&Failure::bug("x")), 70);
    }
}
