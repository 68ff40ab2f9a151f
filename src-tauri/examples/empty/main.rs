//! A window with nothing in it: what Tauri itself costs, for `benchmarks/window` to compare with.

fn main() -> tauri::Result<()> {
    tauri::Builder::default().run(tauri::generate_context!("examples/empty/tauri.conf.json"))
}
