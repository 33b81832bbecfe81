//! Takes the files of Swagger UI that the emulator serves out of the archive that a crate brings along; nothing is fetched.

use std::{env, error::Error, fs, io::Cursor, path::Path};

/// What is served, as `src/docs.rs` includes it.
const FILES: [&str; 4] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-16x16.png", "favicon-32x32.png"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let target = env::var("OUT_DIR")?;
    let mut archive = zip::ZipArchive::new(Cursor::new(utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED))?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let path = entry.name().to_owned();
        // `swagger-ui-VERSION/dist/FILE`; other flavours of the same files lie deeper.
        let parts: Vec<&str> = path.split('/').collect();
        if let [_, "dist", name] = parts[..]
            && FILES.contains(&name)
        {
            std::io::copy(&mut entry, &mut fs::File::create(Path::new(&target).join(name))?)?;
        }
    }
    for name in FILES {
        if !Path::new(&target).join(name).exists() {
            return Err(format!("Swagger UI has no file `{name}`").into());
        }
    }
    Ok(())
}
