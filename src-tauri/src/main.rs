//! The desktop shell: the page's commands in, one stream of updates out. There is no logic here.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod bridge;

use std::process::ExitCode;

use provision::LocalDesk;

use bridge::Watches;

fn main() -> ExitCode {
    if let Some(code) = provision::role::run_if_asked() {
        return code;
    }
    let desk = match LocalDesk::open() {
        Ok(desk) => desk,
        Err(failure) => return refuse(&failure.to_string()),
    };
    let app = tauri::Builder::default()
        .manage(desk)
        .manage(Watches::default())
        .invoke_handler(tauri::generate_handler![bridge::rpc, bridge::watch, bridge::unwatch])
        .run(tauri::generate_context!());
    match app {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error.to_string()),
    }
}

/// There is no window to tell it in.
fn refuse(reason: &str) -> ExitCode {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "RetailFlow could not start: {reason}");
    ExitCode::FAILURE
}
