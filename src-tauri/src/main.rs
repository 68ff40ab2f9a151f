//! The desktop shell: the page's commands in, one stream of updates out. There is no logic here.
//!
//! Closing the window stops nothing: whatever goes on belongs to the stacks' agents.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod bridge;
mod fence;
mod revival;
mod watches;

use std::process::ExitCode;

use provision::LocalDesk;
use tauri::Manager;
use tauri::webview::PageLoadEvent;

use watches::Watches;

fn main() -> ExitCode {
    if let Some(code) = provision::run_if_asked() {
        return code;
    }
    match LocalDesk::open() {
        Ok(desk) => show(desk).unwrap_or_else(|error| refuse(&error.to_string())),
        Err(failure) => refuse(&failure.to_string()),
    }
}

/// Opens the window; returns when it is closed.
fn show(desk: LocalDesk) -> tauri::Result<ExitCode> {
    let builder = tauri::Builder::default().plugin(fence::fence());
    #[cfg(target_os = "linux")]
    let builder = builder.plugin(revival::revival());
    #[cfg(target_os = "macos")]
    let builder = builder.on_web_content_process_terminate(revival::on_death);
    builder
        .manage(desk)
        .manage(Watches::default())
        .invoke_handler(tauri::generate_handler![bridge::rpc, bridge::watch, bridge::unwatch])
        .on_page_load(|webview, load| {
            // Nothing tells a watch that its page was loaded afresh: what is sent to the old one is dropped in silence.
            if load.event() == PageLoadEvent::Started {
                webview.state::<Watches>().end_all();
            }
        })
        .run(tauri::generate_context!())
        .map(|()| ExitCode::SUCCESS)
}

/// There is no window to tell it in.
fn refuse(reason: &str) -> ExitCode {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "RetailFlow could not start: {reason}");
    ExitCode::FAILURE
}
