//! Lists the page's commands, so that each needs a permission: what `capabilities/` does not grant cannot be called.

fn main() {
    let commands = tauri_build::AppManifest::new().commands(&["rpc", "watch", "unwatch"]);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands)) {
        println!("cargo::error={error:#}");
    }
}
